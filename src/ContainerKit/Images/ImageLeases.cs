using ContainerKit.Content;

namespace ContainerKit.Images;

/// <summary>The leases on images: files whose lock is held as long as the lease lasts, by which others know that it does.</summary>
/// <remarks>
/// <code>
/// ROOT/.leases/HEX.RANDOM   a lease on the manifest or index of that digest
/// </code>
/// They are made, and looked at, under the lock of the index alone.
/// </remarks>
internal sealed class ImageLeases(string root)
{
    private readonly string _directory = Path.Combine(root, ".leases");

    /// <summary>Takes one.</summary>
    public (FileLock Held, string Path) Take(Digest image)
    {
        Directory.CreateDirectory(_directory);
        var path = Path.Combine(_directory, $"{image.Hex}.{Guid.NewGuid():N}");
        return (FileLock.Acquire(path, exclusive: true, CancellationToken.None), path);
    }

    /// <summary>What is held just now; the files of dead holders go.</summary>
    public IReadOnlySet<Digest> Held()
    {
        var held = new HashSet<Digest>();
        if (!Directory.Exists(_directory))
        {
            return held;
        }

        foreach (var path in Directory.EnumerateFiles(_directory).ToList())
        {
            if (!Digest.TryParseHex(Path.GetFileName(path).Split('.')[0], out var image))
            {
                continue;
            }

            // Looking makes the file anew that its holder has just removed: so it is removed again.
            using (var dead = FileLock.TryAcquire(path, exclusive: true))
            {
                if (dead is null)
                {
                    held.Add(image);
                    continue;
                }

                if (OperatingSystem.IsLinux())
                {
                    File.Delete(path);
                }
            }

            if (!OperatingSystem.IsLinux())
            {
                File.Delete(path);
            }
        }

        return held;
    }
}
