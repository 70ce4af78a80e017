using ContainerKit.Content;
using ContainerKit.Layers;

namespace ContainerKit.Images.Archives;

/// <summary>Files in a tar archive: found by reading its headers once, then read where they lie.</summary>
/// <remarks>A compressed archive is decompressed into a temporary file of the store first: its parts are wanted in another order.</remarks>
internal sealed class TarFiles : IArchiveFiles
{
    private const int MaxFiles = 100_000;
    private const int MaxLinks = 8;

    private readonly FileStream _archive;
    private readonly Dictionary<string, LayerEntry> _entries = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _offsets = new(StringComparer.Ordinal);

    private TarFiles(string path, FileStream archive)
    {
        Path = path;
        _archive = archive;
    }

    public string Path { get; }

    /// <summary>Opens an archive.</summary>
    /// <exception cref="ImageException">It is not one, or is damaged.</exception>
    public static TarFiles Open(string path, BlobStore blobs, LayerLimits limits, Action<long>? progress, CancellationToken cancellationToken)
    {
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        try
        {
            var (kind, _) = Compression.Detect(file);
            if (kind != CompressionKind.None)
            {
                using var compressed = file;
                file = Decompress(compressed, kind, blobs, limits, progress, cancellationToken);
            }

            var files = new TarFiles(path, file);
            files.ReadHeaders(limits with { MaxEntries = MaxFiles }, cancellationToken);
            return files;
        }
        catch
        {
            Discard(file, path);
            throw;
        }
    }

    /// <inheritdoc/>
    public Stream? TryOpen(string name)
    {
        var path = "/" + name;
        for (var links = 0; links < MaxLinks && _entries.TryGetValue(path, out var entry); links++)
        {
            switch (entry)
            {
                case { Kind: LayerEntryKind.HardLink }:
                    path = entry.HardLinkTarget!;
                    break;
                // Old docker archives link a layer that they hold already: HEX/layer.tar -> ../HEX/layer.tar
                case { Metadata.LinkTarget: { } target }:
                    path = Resolve(LayerPath.Parent(path), target);
                    break;
                case { Metadata.Kind: FileKind.File, DataExtents: null }:
                    return new SliceStream(_archive, _offsets[path], entry.Metadata.Size);
                default:
                    throw new ImageException($"'{name}' in '{Path}' is not a regular file.");
            }
        }

        return _entries.ContainsKey(path) ? throw new ImageException($"'{name}' in '{Path}' is a link to a link to a link.") : null;
    }

    public void Dispose() => Discard(_archive, Path);

    // Where the target leads above the archive's root it stops there, as in a container's root.
    private static string Resolve(string directory, string target)
    {
        var parts = target.StartsWith('/') ? [] : directory.Split('/', StringSplitOptions.RemoveEmptyEntries).ToList();
        foreach (var part in target.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == "..")
            {
                parts.RemoveRange(Math.Max(parts.Count - 1, 0), Math.Min(parts.Count, 1));
            }
            else if (part != ".")
            {
                parts.Add(part);
            }
        }

        return "/" + string.Join('/', parts);
    }

    private static FileStream Decompress(
        Stream compressed, CompressionKind kind, BlobStore blobs, LayerLimits limits, Action<long>? progress, CancellationToken cancellationToken)
    {
        var plain = blobs.CreateTemporary();
        try
        {
            using var watched = new WatchedStream(compressed, progress, cancellationToken, leaveOpen: true);
            using var content = Compression.OpenRead(watched, kind, limits);
            var buffer = new byte[128 << 10];
            for (int read; (read = content.Read(buffer, 0, buffer.Length)) > 0;)
            {
                if (plain.Position + read > limits.MaxTotalBytes)
                {
                    throw new ImageException($"The archive has more than {limits.MaxTotalBytes} bytes ({nameof(LayerLimits.MaxTotalBytes)}).");
                }

                plain.Write(buffer, 0, read);
            }

            plain.Position = 0;
            return plain;
        }
        catch
        {
            Discard(plain, "");
            throw;
        }
    }

    private static void Discard(FileStream file, string original)
    {
        file.Dispose();
        if (file.Name != System.IO.Path.GetFullPath(original is "" ? "." : original))
        {
            File.Delete(file.Name);
        }
    }

    private void ReadHeaders(LayerLimits limits, CancellationToken cancellationToken)
    {
        using var reader = new LayerReader(_archive, limits, leaveOpen: true);
        while (reader.MoveNext(cancellationToken))
        {
            _entries[reader.Current.Path] = reader.Current;
            _offsets[reader.Current.Path] = _archive.Position;
        }

        if (_entries.Count == 0)
        {
            throw new ImageException($"The archive '{Path}' is empty.");
        }
    }
}
