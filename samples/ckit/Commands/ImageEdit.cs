using System.CommandLine;
using System.Globalization;
using Ckit.CommandLine;

namespace Ckit.Commands;

/// <summary>The options of commands that make an image of another.</summary>
internal sealed class ImageEdit
{
    private readonly Option<string?> _timestamp = new("--timestamp")
    {
        Description = "When the image counts as made, in seconds since 1970; files are no later. SOURCE_DATE_EPOCH's unless given.",
        HelpName = "SECONDS",
    };

    private readonly Option<string?> _compression = CompressionOption("How the new layer is compressed: gzip (unless given), zstd or none.");

    public ImageEdit(Command command)
    {
        command.Add(_timestamp);
        command.Add(_compression);
    }

    public static Option<string?> CompressionOption(string description) => new("--compression") { Description = description, HelpName = "KIND" };

    public static LayerCompression? Compression(string? name) => name switch
    {
        null => null,
        "gzip" => LayerCompression.Gzip,
        "zstd" => LayerCompression.Zstd,
        "none" => LayerCompression.None,
        _ => throw new UsageException($"There is no compression '{name}'; there are gzip, zstd and none."),
    };

    public ImageEditOptions Options(ParseResult line) => new()
    {
        Timestamp = Time(line.GetValue(_timestamp), "--timestamp") ?? Time(Environment.GetEnvironmentVariable("SOURCE_DATE_EPOCH"), "SOURCE_DATE_EPOCH"),
        Compression = Compression(line.GetValue(_compression)) ?? LayerCompression.Gzip,
    };

    private static DateTimeOffset? Time(string? text, string source)
    {
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }

        // The last second that .NET knows is that of the year 9999.
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds <= DateTimeOffset.MaxValue.ToUnixTimeSeconds()
            ? DateTimeOffset.FromUnixTimeSeconds(seconds)
            : throw new UsageException($"{source} is '{text}', and not a number of seconds since 1970.");
    }
}
