namespace ContainerKit.Images.Archives;

/// <summary>The files of an image outside the store: in a directory, or in a tar archive. Names are relative, with slashes.</summary>
internal interface IArchiveFiles : IDisposable
{
    /// <summary>What it is, for errors.</summary>
    string Path { get; }

    /// <summary>Opens a regular file, or what a symlink within leads to; null when there is none.</summary>
    /// <returns>A stream that knows its <see cref="Stream.Length"/>.</returns>
    Stream? TryOpen(string name);
}

/// <summary>What can be asked of any <see cref="IArchiveFiles"/>.</summary>
internal static class ArchiveFiles
{
    /// <summary>Reads a small file; null when there is none.</summary>
    public static byte[]? TryReadDocument(this IArchiveFiles files, string name)
    {
        using var content = files.TryOpen(name);
        if (content is null)
        {
            return null;
        }

        if (content.Length > JsonDocuments.MaxBytes)
        {
            throw new ImageException($"'{name}' in '{files.Path}' has {content.Length} bytes; {JsonDocuments.MaxBytes} are allowed.");
        }

        var bytes = new byte[content.Length];
        content.ReadExactly(bytes);
        return bytes;
    }
}
