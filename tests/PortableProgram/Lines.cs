using System.Globalization;
using System.Text;

namespace PortableProgram;

/// <summary>What the program has to say: lines of a name and a value, in ASCII, so that no console's encoding changes them.</summary>
internal static class Lines
{
    public static void Say(string name, object? value) => Console.Out.Write($"{Escape(name)}\t{Escape(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "")}\n");

    /// <summary>An image: its digests, and those of its layers.</summary>
    public static void Say(string name, Image image)
    {
        Say(name, $"{image.Digest} {image.Size}");
        foreach (var (index, layer) in image.Layers.Index())
        {
            Say($"{name} layer {index}", $"{layer.DiffId} {layer.Descriptor.Digest} {layer.Descriptor.MediaType}");
        }
    }

    /// <summary>Everything that is known of a file.</summary>
    public static string Describe(FileMetadata file)
    {
        var attributes = string.Join(',', file.ExtendedAttributes.Select(each => $"{each.Key}={Convert.ToHexString(each.Value.Span)}").Order(StringComparer.Ordinal));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{file.Kind} {Convert.ToString(file.Mode, 8)} {file.UserId}:{file.GroupId} {file.Size} {file.ModifiedTime.Seconds}.{file.ModifiedTime.Nanoseconds} [{file.LinkTarget}] {file.DeviceMajor}:{file.DeviceMinor} [{attributes}] {file.Digest}");
    }

    private static string Escape(string text)
    {
        var escaped = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            _ = c is >= ' ' and <= '~' and not '\\' ? escaped.Append(c) : escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}");
        }

        return escaped.ToString();
    }
}
