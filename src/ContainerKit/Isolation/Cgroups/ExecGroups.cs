using System.Runtime.Versioning;
using ContainerKit.Content;
using ContainerKit.Linux;

namespace ContainerKit.Isolation.Cgroups;

/// <summary>A control group of version 2 for each program that joins a container, so that it is killed with all that it has begun, and nobody else.</summary>
/// <remarks>
/// Below the container's own group of version 2, where it has one, and otherwise below one of this process, which has no controllers and a place in the book:
/// <code>
/// …/containerkit/ID/exec-RANDOM
/// …/containerkit/execs-RANDOM/exec-RANDOM
/// </code>
/// What a program leaves behind when it ends by itself lives on, and so must not stay in a group that is to be removed.
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed class ExecGroups(CgroupBookkeeping bookkeeping, Func<CgroupLayout> detect) : IDisposable
{
    /// <summary>With what the name of a process's own group begins.</summary>
    public const string Prefix = "execs-";

    private readonly Lock _gate = new();
    private CgroupDirectory? _own;
    private FileLock? _held;
    private bool _isDecided;

    /// <summary>Where this process may make groups that need no controllers: the directory above; null where it may not.</summary>
    public static string? FindPlace(CgroupLayout layout) =>
        layout.Unified is { OwnDirectory: var own } && CgroupPlacement.CanWrite(own) && CgroupPlacement.CanWrite(Path.Combine(own, "cgroup.procs")) ? own : null;

    /// <summary>Makes a group for one program; null where this process may make none.</summary>
    /// <param name="container">The container's group, if it has one.</param>
    public ExecGroup? TryMake(Cgroup? container)
    {
        if ((container?.UnifiedDirectory ?? Own()?.Path) is not { } parent)
        {
            return null;
        }

        var path = Path.Combine(parent, $"exec-{Guid.NewGuid():N}");
        try
        {
            CgroupTree.MakeDirectory(path, mayExist: false);
        }
        catch (LinuxException)
        {
            // It is not this user's, or the container has just ended, which joining it will say.
            return null;
        }

        return new ExecGroup(path, LeftoversGoTo(parent, container));
    }

    /// <summary>Removes the group of a process that is gone, or is going. Whoever still lives there goes to the one that they would be in without it.</summary>
    public static bool TryRemove(IEnumerable<CgroupDirectory> directories)
    {
        foreach (var directory in directories)
        {
            var family = Path.GetDirectoryName(directory.Path)!;
            foreach (var group in CgroupProcesses.WithGroupsBelow(directory.Path).ToList())
            {
                ExecGroup.Remove(group, Path.GetDirectoryName(family)!);
            }

            CgroupProcesses.TryRemoveDirectory(family);
            if (Directory.Exists(directory.Path))
            {
                return false;
            }
        }

        return true;
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_own is { } own && TryRemove([own]))
            {
                bookkeeping.Forget(Path.GetFileName(own.Path));
            }

            _held?.Dispose();
            (_own, _held, _isDecided) = (null, null, true);
        }
    }

    private static string LeftoversGoTo(string parent, Cgroup? container) =>
        container?.UnifiedDirectory is not null ? parent : Path.GetDirectoryName(Path.GetDirectoryName(parent))!;

    private CgroupDirectory? Own()
    {
        lock (_gate)
        {
            if (_isDecided)
            {
                return _own;
            }

            _isDecided = true;
            if (FindPlace(detect()) is not { } place)
            {
                return null;
            }

            var id = $"{Prefix}{Guid.NewGuid():N}";
            var directory = new CgroupDirectory(CgroupVersion.V2, [], Path.Combine(place, CgroupDirectory.Family, id));
            try
            {
                _held = bookkeeping.TryBegin(id, [directory]);
            }
            catch (IOException e) when (FullDisk.IsCause(e))
            {
                // Without a place in the book there is no group, and programs are kept together in another way.
                return null;
            }

            try
            {
                CgroupTree.Make(directory.Path);
                return _own = directory;
            }
            catch (LinuxException)
            {
                // It may write there, and the kernel refuses all the same: the host has as many groups as it may have.
                bookkeeping.Forget(id);
                _held?.Dispose();
                _held = null;
                return null;
            }
        }
    }
}

/// <summary>The group of one program that joined a container.</summary>
[SupportedOSPlatform("linux")]
internal sealed class ExecGroup(string path, string leftoversGoTo) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    public string Path { get; } = path;

    /// <summary>Kills everything in it.</summary>
    public void Kill() => CgroupProcesses.KillAll(Path, CgroupVersion.V2, Patience);

    /// <summary>Removes it. What lives on goes to the group around it.</summary>
    public void Dispose() => Remove(Path, leftoversGoTo);

    /// <summary>Removes a group, and leaves who lives there to another.</summary>
    public static void Remove(string path, string leftoversGoTo)
    {
        CgroupProcesses.TryRemoveDirectory(path);
        if (!Directory.Exists(path))
        {
            return;
        }

        try
        {
            CgroupProcesses.MoveAll(path, leftoversGoTo);
        }
        catch (LinuxException)
        {
            // They stay, and so does the group, until they end: a sweep finds it then.
        }

        CgroupProcesses.TryRemoveDirectory(path);
    }
}
