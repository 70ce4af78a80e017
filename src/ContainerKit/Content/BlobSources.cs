using System.Text;

namespace ContainerKit.Content;

/// <summary>Remembers from which repositories blobs can be had again: those that they were fetched from, or sent to.</summary>
/// <remarks>
/// <code>
/// ROOT/.sources/HEX   the repositories of one blob (REGISTRY/NAME), one in each line, the latest first
/// </code>
/// It is a hint and no reference: nothing is kept for its sake, and what a repository gives is verified like anything else. Two who add to
/// it at once may lose one of their lines.
/// </remarks>
internal sealed class BlobSources(BlobStore blobs)
{
    private const int MaxLines = 8;
    private const int MaxBytes = 8 << 10;

    private readonly string _directory = Path.Combine(blobs.Root, ".sources");

    /// <summary>The repositories of a blob, the latest first; empty when nobody knows.</summary>
    public IReadOnlyList<string> Of(Digest blob)
    {
        var path = PathOf(blob);
        try
        {
            return new FileInfo(path) is { Exists: true, Length: <= MaxBytes } ? [.. File.ReadLines(path, Encoding.UTF8).Where(line => line.Length > 0).Take(MaxLines)] : [];
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            // It was swept a moment ago.
            return [];
        }
    }

    /// <summary>Says that a repository has a blob.</summary>
    public void Add(Digest blob, string repository)
    {
        var known = Of(blob);
        if (known.Contains(repository))
        {
            return;
        }

        Directory.CreateDirectory(_directory);
        var lines = known.Prepend(repository).Take(MaxLines).Select(line => line + "\n");
        blobs.Replace(PathOf(blob), Encoding.UTF8.GetBytes(string.Concat(lines)));
    }

    /// <summary>Drops what is remembered of blobs that nobody needs. The caller holds the store alone.</summary>
    public void Forget(Func<Digest, bool> isNeeded)
    {
        if (!Directory.Exists(_directory))
        {
            return;
        }

        foreach (var path in Directory.EnumerateFiles(_directory).ToList())
        {
            if (!Digest.TryParseHex(Path.GetFileName(path), out var digest) || !isNeeded(digest))
            {
                File.Delete(path);
            }
        }
    }

    private string PathOf(Digest blob) => Path.Combine(_directory, blob.Hex);
}
