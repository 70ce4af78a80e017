using System.Runtime.Versioning;
using ContainerKit.Content;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Isolation.Cgroups;

/// <summary>The control group of one container: a directory in each hierarchy that it needs. Its maker's disposing removes it.</summary>
[SupportedOSPlatform("linux")]
internal sealed class Cgroup : IDisposable
{
    private static readonly TimeSpan RemovalPatience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan FreezePatience = TimeSpan.FromSeconds(10);

    private readonly string _id;
    private readonly CgroupBookkeeping _bookkeeping;
    private volatile IReadOnlyList<CgroupDirectory> _directories;
    private FileLock? _held;

    /// <param name="id">The container's.</param>
    /// <param name="directories">Its directories, which exist.</param>
    /// <param name="bookkeeping">Where it is written down.</param>
    /// <param name="held">The lock that makes this its owner; null for one who only looks.</param>
    /// <param name="notApplied">Limits that could not be applied, in sentences.</param>
    public Cgroup(string id, IEnumerable<CgroupDirectory> directories, CgroupBookkeeping bookkeeping, FileLock? held, IReadOnlyList<string> notApplied)
    {
        (_id, _directories, _bookkeeping, _held, NotApplied) = (id, [.. directories], bookkeeping, held, notApplied);
    }

    /// <summary>The files into which a process with a single thread writes 0 in order to join; none when the container has no group.</summary>
    /// <remarks>
    /// Whoever enters by <c>cgroup.procs</c> waits until no process of the host is about to fork or to end, some 10 milliseconds. A thread that moves itself does
    /// not wait, but version 2 wants whole processes.
    /// </remarks>
    public IReadOnlyList<string> ProcsFiles => [.. _directories.Select(d => Path.Combine(d.Path, d.Version == CgroupVersion.V1 ? "tasks" : "cgroup.procs"))];

    /// <summary>Its directory in version 2; null where it has none.</summary>
    public string? UnifiedDirectory => _directories.FirstOrDefault(d => d.Version == CgroupVersion.V2)?.Path;

    /// <summary>The limits that could not be applied, in sentences, when the caller said best effort.</summary>
    public IReadOnlyList<string> NotApplied { get; }

    /// <summary>The directories that are to be removed at its end: its own, and the one that whoever pauses it will have made.</summary>
    public IReadOnlyList<string> PathsAtEnd => [.. _directories.Select(directory => directory.Path).Union(FreezerToBe() is { } freezer ? [freezer.Path] : [])];

    /// <summary>Whether everything in it stands still.</summary>
    public bool IsFrozen
    {
        get
        {
            Reread();
            return _directories is [{ Version: CgroupVersion.V2 } unified, ..]
                ? CgroupFile.TryReadNumber(unified.Path, "cgroup.events", "frozen") == 1
                : FindDirectory("freezer") is { } freezer && CgroupFile.TryRead(freezer.Path, "freezer.state") == "FROZEN";
        }
    }

    /// <summary>The file that counts what was killed for want of memory; null where memory is not counted.</summary>
    public string? MemoryEvents => FindDirectory("memory") is { } memory ? Path.Combine(memory.Path, MemoryController.EventsFile(memory.Version)) : null;

    /// <summary>Where it is written down; the last to be removed.</summary>
    public string? BookkeepingFile => _held is null ? null : _bookkeeping.PathOf(_id);

    /// <summary>The locks that make this its owner.</summary>
    public IReadOnlyList<SafeFileHandle> Locks => _held is { } held ? [held.Handle] : [];

    /// <summary>Whether the kernel killed something in it for want of memory.</summary>
    public bool OutOfMemoryHappened => OutOfMemoryKills > 0;

    /// <summary>How many of its processes the kernel has killed for want of memory.</summary>
    public long OutOfMemoryKills => FindDirectory("memory") is { } memory ? MemoryController.CountKills(memory.Path, memory.Version) : 0;

    /// <summary>How often it has met its limits.</summary>
    public LimitHits ReadLimitHits() => new(OutOfMemoryKills, FindDirectory("pids") is { } pids ? PidsController.CountRefusals(pids.Path) : 0);

    /// <summary>Kills everything in it, and returns when nothing is left or <paramref name="patience"/> is over.</summary>
    /// <returns>Whether nothing is left.</returns>
    public bool KillAll(TimeSpan patience)
    {
        Thaw();
        return _directories is not [var first, ..] || CgroupProcesses.KillAll(first.Path, first.Version, patience);
    }

    /// <summary>What it uses now.</summary>
    public ContainerStats ReadStatistics()
    {
        var stats = new ContainerStats { Time = DateTimeOffset.UtcNow };
        foreach (var directory in _directories)
        {
            // Version 2 counts in every group, whatever its controllers.
            foreach (var controller in CgroupController.All.Where(c => directory.Version == CgroupVersion.V2 || directory.Controllers.Contains(c.Name)))
            {
                stats = controller.Read(directory.Path, directory.Version, stats);
            }
        }

        return stats;
    }

    /// <summary>Changes limits while processes run.</summary>
    /// <param name="before">Those that it has.</param>
    /// <param name="changes">Those that change; what is null stays as it is.</param>
    /// <exception cref="HostCapabilityException">It was started without the controller of one, and cannot be given it now.</exception>
    /// <exception cref="IsolationException">A limit cannot be changed.</exception>
    public void Update(ResourceLimits before, ResourceLimits changes)
    {
        var after = before.With(changes);
        after.Check();
        Reread();
        foreach (var controller in CgroupController.All.Where(c => c.IsAskedFor(changes)))
        {
            try
            {
                var directory = FindDirectory(controller.Name) ?? HandDown(controller.Name) ?? throw WithoutController(controller.Name);
                if (controller.WhyNotNow(directory.Path, directory.Version, changes) is { } reason)
                {
                    throw new IsolationException($"The limits of the cgroup controller '{controller.Name}' cannot be changed now: {reason}.");
                }

                controller.Apply(directory.Path, directory.Version, after);
            }
            catch (LinuxException e)
            {
                throw new IsolationException($"The limits of the cgroup controller '{controller.Name}' cannot be changed: {e.Message.TrimEnd('.')}.", e);
            }
        }
    }

    /// <summary>Stops every process in it, until thawed.</summary>
    /// <exception cref="HostCapabilityException">The host has no freezer that this user can use.</exception>
    /// <exception cref="IsolationException">A process does not stop: it waits in the kernel for something that does not come.</exception>
    public void Freeze()
    {
        Reread();
        var frozen = false;
        if (_directories is [{ Version: CgroupVersion.V2 } unified, ..])
        {
            CgroupFile.Write(unified.Path, "cgroup.freeze", "1");
            frozen = CgroupProcesses.Retry(FreezePatience, () => CgroupFile.TryReadNumber(unified.Path, "cgroup.events", "frozen") is 1 or null);
        }
        else if (_directories is [var first, ..])
        {
            var freezer = FindDirectory("freezer") ?? MakeFreezer();
            CgroupProcesses.MoveAll(first.Path, freezer.Path);
            frozen = CgroupProcesses.Retry(FreezePatience, () => TryFreezeV1(freezer.Path));
        }

        if (!frozen && _directories.Count > 0)
        {
            Thaw();
            throw new IsolationException($"The container cannot be frozen: it has processes that did not stop within {FreezePatience.TotalSeconds:0} seconds.");
        }
    }

    /// <summary>Lets it go on, whoever stopped it. One that is gone has nothing in it that could.</summary>
    public void Thaw()
    {
        Reread();
        foreach (var directory in _directories)
        {
            Thaw(directory);
        }
    }

    /// <summary>Removes it if this is its owner, with everything that still lives in it. What will not go is left to the next sweep.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _held, null) is { } held)
        {
            Reread();
            if (TryRemove(_directories))
            {
                _bookkeeping.Forget(_id);
            }

            held.Dispose();
        }
    }

    /// <summary>Lets go of it without removing it: whoever has the locks by now is its owner.</summary>
    public void HandOver() => Interlocked.Exchange(ref _held, null)?.Dispose();

    /// <summary>Kills and removes the directories of a group, and the group around it if it was the last one there.</summary>
    internal static bool TryRemove(IReadOnlyList<CgroupDirectory> directories)
    {
        // A frozen process of version 1 does not even die.
        foreach (var directory in directories)
        {
            Thaw(directory);
        }

        var isGone = true;
        foreach (var directory in directories.Where(d => Directory.Exists(d.Path)))
        {
            CgroupProcesses.TryRemoveDirectory(directory.Path);
            if (Directory.Exists(directory.Path))
            {
                CgroupProcesses.KillAll(directory.Path, directory.Version, RemovalPatience);
                isGone &= CgroupProcesses.Remove(directory.Path, RemovalPatience);
            }

            CgroupProcesses.TryRemoveDirectory(Path.GetDirectoryName(directory.Path)!);
        }

        return isGone;
    }

    private static void Thaw(CgroupDirectory directory)
    {
        var (file, thawed) = directory.Version == CgroupVersion.V2 ? ("cgroup.freeze", "0") : ("freezer.state", "THAWED");
        if (directory.Version == CgroupVersion.V2 || directory.Controllers.Contains("freezer"))
        {
            try
            {
                CgroupFile.Write(directory.Path, file, thawed);
            }
            catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.ENODEV)
            {
                // It was removed meanwhile.
            }
        }
    }

    // The kernel gives up when a process forks away meanwhile, and wants to be asked again.
    private static bool TryFreezeV1(string directory)
    {
        CgroupFile.Write(directory, "freezer.state", "FROZEN");
        return CgroupFile.TryRead(directory, "freezer.state") is "FROZEN" or null;
    }

    // Entering a group of version 1 takes milliseconds, so a container gets this one only when it is first paused.
    private CgroupDirectory MakeFreezer()
    {
        var freezer = FreezerToBe() ?? throw new HostCapabilityException("cgroup-freezer", "The container cannot be frozen: the cgroup controller 'freezer' is not mounted.")
        {
            Hint = "Mount it, or boot with control groups of version 2.",
        };
        _bookkeeping.Append(_id, freezer);
        _directories = [.. _directories, freezer];
        CgroupTree.Make(freezer.Path);
        return freezer;
    }

    private CgroupDirectory? FreezerToBe() => _directories is [{ Version: CgroupVersion.V1 }, ..] && CgroupLayout.Detect().Find("freezer") is { } hierarchy
        ? new CgroupDirectory(CgroupVersion.V1, ["freezer"], Path.Combine(hierarchy.OwnDirectory, CgroupDirectory.Family, _id))
        : null;

    // In version 2 a group can be given a controller while it is used.
    private CgroupDirectory? HandDown(string controller)
    {
        if (_directories.FirstOrDefault(d => d.Version == CgroupVersion.V2) is not { } unified || !CgroupTree.TryHandDown(unified.Path, controller))
        {
            return null;
        }

        var grown = unified with { Controllers = [.. unified.Controllers, controller] };
        _bookkeeping.Append(_id, grown);
        _directories = [.. _directories.Select(d => d == unified ? grown : d)];
        return grown;
    }

    private static HostCapabilityException WithoutController(string controller) => new(
        $"cgroup-{controller}", $"The limits of the cgroup controller '{controller}' cannot be changed while the container runs: it was started without any.")
    {
        Hint = "Change them while it does not run, and start it again.",
    };

    // Another process may have paused it first, or given it a controller.
    private void Reread() => _directories = [.. _directories.Concat(_bookkeeping.Read(_id)).GroupBy(directory => directory.Path).Select(same => same.Last())];

    private CgroupDirectory? FindDirectory(string controller) => _directories.FirstOrDefault(d => d.Controllers.Contains(controller));
}
