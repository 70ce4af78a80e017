using System.Globalization;

namespace Ckit.CommandLine;

/// <summary>Moments as a command line gives them: a time, or how long ago.</summary>
internal static class Moments
{
    public static DateTimeOffset? Parse(string? text)
    {
        if (text is null)
        {
            return null;
        }

        var unit = text.Length == 0 ? 0 : text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86400, _ => 0 };
        if (unit > 0 && double.TryParse(text[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count))
        {
            return DateTimeOffset.UtcNow.AddSeconds(-count * unit);
        }

        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeLocal, out var time)
            ? time
            : throw new UsageException($"'{text}' is neither a time such as 2026-01-31T12:00:00Z nor an age such as 90s, 10m or 2h.");
    }
}
