using System.Runtime.Versioning;
using System.Text;
using ContainerKit.Content;
using ContainerKit.Linux;

namespace ContainerKit.Isolation.Cgroups;

/// <summary>One file for each group, with the group's directories in it. Its maker holds a lock on it, so an unlocked one is what a dead process left.</summary>
/// <remarks>
/// <code>
/// cgroups/
///   ID        v1 memory /sys/fs/cgroup/memory/containerkit/ID
///             v1 pids /sys/fs/cgroup/pids/containerkit/ID
/// </code>
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed class CgroupBookkeeping(string directory)
{
    /// <summary>Writes down a group before it is made. The lock is the caller's; null when the group is somebody's already.</summary>
    public FileLock? TryBegin(string id, IEnumerable<CgroupDirectory> directories)
    {
        Directory.CreateDirectory(directory);
        var held = FileLock.TryAcquire(PathOf(id), exclusive: true);
        if (held is not null)
        {
            try
            {
                using var file = Open(id, OpenFlags.Write | OpenFlags.Truncate)!;
                file.Write(Encoding.UTF8.GetBytes(string.Concat(directories.Select(item => $"{item}\n"))));
            }
            catch
            {
                Forget(id);
                held.Dispose();
                throw;
            }
        }

        return held;
    }

    /// <summary>Writes down one more directory that is about to be made. Nobody ever reads half of it.</summary>
    public void Append(string id, CgroupDirectory item)
    {
        using var file = Open(id, OpenFlags.Write | OpenFlags.Append)!;
        file.Write(Encoding.UTF8.GetBytes($"{item}\n"));
    }

    /// <summary>The directories of a group; none when it is not known.</summary>
    public IReadOnlyList<CgroupDirectory> Read(string id)
    {
        using var file = Open(id, OpenFlags.Read);
        if (file is null)
        {
            return [];
        }

        using var reader = new StreamReader(file);
        return [.. reader.ReadToEnd().Split('\n').Select(line => CgroupDirectory.TryParse(line, id)).OfType<CgroupDirectory>()];
    }

    /// <summary>Forgets a group. The lock must still be held: whoever waits for it looks again whether the file is there.</summary>
    public void Forget(string id) => File.Delete(PathOf(id));

    /// <summary>The id of every group that is written down.</summary>
    public IReadOnlyList<string> Ids()
    {
        try
        {
            return [.. Directory.EnumerateFiles(directory).Select(file => Path.GetFileName(file))];
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
    }

    /// <summary>The groups whose makers are gone, each with its lock, which the caller lets go.</summary>
    public IEnumerable<(string Id, FileLock Held)> Abandoned()
    {
        foreach (var id in Ids())
        {
            if (FileLock.TryAcquire(PathOf(id), exclusive: true) is { } held)
            {
                yield return (id, held);
            }
        }
    }

    // The framework's own ways to open a file take a lock of the very kind that is held on it.
    private FileStream? Open(string id, OpenFlags flags)
    {
        var errno = FileCalls.Local.TryOpen(null, PathOf(id), flags, 0, Resolve.Host, out var handle);
        LinuxException.ThrowIf(errno == Errno.ENOENT ? 0 : errno, $"open '{PathOf(id)}'");
        return errno == 0 ? new FileStream(handle, flags.HasFlag(OpenFlags.Write) ? FileAccess.Write : FileAccess.Read) : null;
    }

    /// <summary>The file of a group.</summary>
    public string PathOf(string id) => Path.Combine(directory, id);
}
