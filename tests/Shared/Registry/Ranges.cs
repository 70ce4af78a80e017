using System.Globalization;

namespace ContainerKit.Tests.Shared.Registry;

/// <summary>Parts of blobs. RFC 9110, section 14.</summary>
internal static class Ranges
{
    private const string Unit = "bytes=";

    /// <summary>The whole content, or the part of it that the request's Range asks for.</summary>
    public static HttpAnswer Answer(HttpRequest request, byte[] content)
    {
        if (request.Headers.GetValueOrDefault("Range") is not { } range || !range.StartsWith(Unit, StringComparison.Ordinal))
        {
            return new HttpAnswer(200) { Body = content }.With("Accept-Ranges", "bytes");
        }

        var ends = range[Unit.Length..].Split('-');
        var first = int.Parse(ends[0], CultureInfo.InvariantCulture);
        var last = ends[1].Length > 0 ? Math.Min(int.Parse(ends[1], CultureInfo.InvariantCulture), content.Length - 1) : content.Length - 1;
        return first > last
            ? HttpAnswer.Error(416, "RANGE_INVALID").With("Content-Range", $"bytes */{content.Length}")
            : new HttpAnswer(206) { Body = content[first..(last + 1)] }.With("Content-Range", $"bytes {first}-{last}/{content.Length}");
    }
}
