using System.Text;

namespace ContainerKit.Content;

/// <summary>Short texts about blobs, one file for each: hints, which are no references and go with their blobs.</summary>
/// <param name="blobs">The blobs.</param>
/// <param name="name">The directory's, below the store's root; a file in it is named by the blob's digest in hexadecimal.</param>
internal sealed class BlobNotes(BlobStore blobs, string name)
{
    private const int MaxBytes = 8 << 10;

    private readonly string _directory = Path.Combine(blobs.Root, name);

    /// <summary>What is noted of a blob; empty when nothing is.</summary>
    public string Of(Digest blob)
    {
        try
        {
            return new FileInfo(PathOf(blob)) is { Exists: true, Length: <= MaxBytes } file ? File.ReadAllText(file.FullName, Encoding.UTF8) : "";
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            // It was swept a moment ago.
            return "";
        }
    }

    /// <summary>Notes something of a blob in place of what was noted.</summary>
    public void Write(Digest blob, string text)
    {
        Directory.CreateDirectory(_directory);
        blobs.Replace(PathOf(blob), Encoding.UTF8.GetBytes(text));
    }

    /// <summary>Drops what is noted of blobs that nobody needs. The caller holds the store alone.</summary>
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
