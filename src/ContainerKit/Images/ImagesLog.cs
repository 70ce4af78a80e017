using Microsoft.Extensions.Logging;

namespace ContainerKit.Images;

/// <summary>The events of images. The ids are stable: 6xx.</summary>
internal static partial class ImagesLog
{
    private const int MaxTold = 20, MaxShown = 200;

    /// <summary>Tells of what an archive calls an image and is no image name: the first of them, since an archive may have any number.</summary>
    public static void TellRefused(this ILogger logger, Image image, IReadOnlyList<string> names)
    {
        foreach (var name in names.Take(MaxTold))
        {
            logger.NameRefused(image.ToString(), Shown(name));
        }

        if (names.Count > MaxTold)
        {
            logger.MoreNamesRefused(image.ToString(), names.Count - MaxTold);
        }
    }

    [LoggerMessage(600, LogLevel.Warning, "The archive calls the image {Image} '{Name}', which is no image name: it was loaded without it.")]
    public static partial void NameRefused(this ILogger logger, string image, string name);

    [LoggerMessage(601, LogLevel.Warning, "The archive has {Count} more names for the image {Image} that are none.")]
    public static partial void MoreNamesRefused(this ILogger logger, string image, int count);

    // It is whatever somebody wrote into an archive, and whoever reads the log reads lines.
    private static string Shown(string name) =>
        string.Concat(name.Take(MaxShown).Select(letter => char.IsControl(letter) || char.IsSurrogate(letter) ? '?' : letter)) + (name.Length > MaxShown ? "…" : "");
}
