using System.Runtime.Versioning;
using System.Text.RegularExpressions;
using ContainerKit.Linux;

namespace ContainerKit.Isolation.Cgroups;

/// <summary>Makes the control groups of containers, and sweeps those whose makers died.</summary>
[SupportedOSPlatform("linux")]
internal sealed partial class CgroupManager
{
    private readonly CgroupBookkeeping _bookkeeping;
    private readonly Func<CgroupLayout> _detect;

    private CgroupManager(CgroupBookkeeping bookkeeping, Func<CgroupLayout> detect) => (_bookkeeping, _detect, ExecGroups) = (bookkeeping, detect, new ExecGroups(bookkeeping, detect));

    /// <summary>The groups of programs that join containers.</summary>
    public ExecGroups ExecGroups { get; }

    /// <summary>Opens the book, and sweeps what dead processes left in it.</summary>
    /// <param name="bookkeepingDirectory">A directory of the store: one locked file for each group lies in it. It need not exist.</param>
    /// <param name="detect">Finds this host's groups; null looks.</param>
    public static CgroupManager Open(string bookkeepingDirectory, Func<CgroupLayout>? detect = null)
    {
        var manager = new CgroupManager(new CgroupBookkeeping(bookkeepingDirectory), detect ?? CgroupLayout.Detect);
        manager.Sweep();
        return manager;
    }

    /// <summary>Makes a group. When neither a limit nor statistics ask for one, the answer is a group without directories.</summary>
    /// <param name="id">The container's: letters, digits, and . _ - after the first.</param>
    /// <param name="limits">The limits.</param>
    /// <param name="bestEffort">Whether limits that cannot be applied are left out, and <see cref="Cgroup.NotApplied"/> says which.</param>
    /// <param name="withStatistics">Whether memory, processor time and processes are counted even where they are not limited.</param>
    /// <exception cref="HostCapabilityException">The host cannot limit something that is to be limited.</exception>
    /// <exception cref="IsolationException">The kernel refuses the value of a limit, or the group is there already.</exception>
    public Cgroup Create(string id, ResourceLimits limits, bool bestEffort = false, bool withStatistics = false)
    {
        CheckId(id);
        limits.Check();
        if (!withStatistics && !CgroupController.All.Any(c => c.IsAskedFor(limits)))
        {
            return new Cgroup(id, [], _bookkeeping, null, []);
        }

        var placement = CgroupPlacement.Find(_detect(), limits, withStatistics);
        List<string> notApplied = [.. placement.Missing.Select(m => Explain(m.Key, m.Value))];
        if (notApplied.Count > 0 && !bestEffort)
        {
            throw new HostCapabilityException($"cgroup-{placement.Missing.First().Key.Name}", notApplied[0]) { Hint = Cure() };
        }

        // The book comes before the groups, so that whoever dies in between leaves nothing unknown.
        CgroupDirectory[] directories = [.. placement.Places.Select(p => new CgroupDirectory(
            p.Hierarchy.Version, [.. p.Controllers.Select(c => c.Name)], Path.Combine(p.Parent, CgroupDirectory.Family, id)))];
        if (directories.Length == 0)
        {
            return new Cgroup(id, [], _bookkeeping, null, notApplied);
        }

        var held = _bookkeeping.TryBegin(id, directories) ?? throw new IsolationException($"The control group of '{id}' is there already, and in use.");
        var made = new List<CgroupDirectory>();
        try
        {
            Fill(placement.Places, directories, made, limits, bestEffort, notApplied);
            return new Cgroup(id, made, _bookkeeping, held, notApplied);
        }
        catch
        {
            // Only what was made here: a group of that name may be there already, and another store's.
            if (Cgroup.TryRemove(made))
            {
                _bookkeeping.Forget(id);
            }

            foreach (var directory in directories)
            {
                CgroupProcesses.TryRemoveDirectory(Path.GetDirectoryName(directory.Path)!);
            }

            held.Dispose();
            throw;
        }
    }

    /// <summary>The group of a container that somebody else may own; null when it has none. Disposing it removes nothing.</summary>
    public Cgroup? Find(string id)
    {
        CheckId(id);
        return _bookkeeping.Read(id) is { Count: > 0 } directories ? new Cgroup(id, directories, _bookkeeping, null, []) : null;
    }

    /// <summary>The ids of the containers that have a group, whoever made it.</summary>
    public IReadOnlyList<string> Ids() => [.. _bookkeeping.Ids().Where(id => !id.StartsWith(ExecGroups.Prefix, StringComparison.Ordinal))];

    /// <summary>Kills and removes what processes that are gone have left.</summary>
    /// <returns>How many groups that were.</returns>
    public int Sweep()
    {
        var swept = 0;
        foreach (var (id, held) in _bookkeeping.Abandoned())
        {
            using (held)
            {
                if (id.StartsWith(ExecGroups.Prefix, StringComparison.Ordinal) ? ExecGroups.TryRemove(_bookkeeping.Read(id)) : Cgroup.TryRemove(_bookkeeping.Read(id)))
                {
                    _bookkeeping.Forget(id);
                    swept++;
                }
            }
        }

        return swept;
    }

    private static void Fill(
        IReadOnlyList<CgroupPlace> places, CgroupDirectory[] directories, List<CgroupDirectory> made, ResourceLimits limits, bool bestEffort, List<string> notApplied)
    {
        foreach (var (place, directory) in places.Zip(directories))
        {
            try
            {
                if (place.NeedsWay)
                {
                    HostGroup.MakeWay(place.Parent);
                }

                CgroupTree.Make(directory.Path, place.Hierarchy.Version == CgroupVersion.V2 ? directory.Controllers : null);
                made.Add(directory);
            }
            catch (LinuxException e)
            {
                throw Translate(place.Controllers[0], e);
            }

            foreach (var controller in place.Controllers)
            {
                try
                {
                    controller.Apply(directory.Path, directory.Version, limits);
                }
                catch (LinuxException e) when (bestEffort)
                {
                    notApplied.Add(Explain(controller, e.Message));
                }
                catch (LinuxException e)
                {
                    throw Translate(controller, e);
                }
            }
        }
    }

    private static ContainerKitException Translate(CgroupController controller, LinuxException e) => e.Errno switch
    {
        // A file that is not there is a kernel without that ability; everything else that is refused is a value.
        Errno.ENOENT => new HostCapabilityException($"cgroup-{controller.Name}", Explain(controller, e.Message), e) { Hint = "This kernel lacks it." },
        Errno.EACCES or Errno.EPERM or Errno.EROFS =>
            new HostCapabilityException($"cgroup-{controller.Name}", Explain(controller, e.Message), e) { Hint = Cure() },
        _ => new IsolationException(Explain(controller, e.Message), e) { Step = $"limit {controller.Name}" },
    };

    private static string Explain(CgroupController controller, string reason) =>
        $"The limits of the cgroup controller '{controller.Name}' cannot be applied: {reason.TrimEnd('.')}.";

    private static string Cure() => Environment.IsPrivilegedProcess
        ? "Mount the controller's hierarchy writable; in a container of version 2, move this process into a group of its own below the container's."
        : "Run as root or without the limit; control groups of version 2 are also to be had by 'systemd-run --user --scope -p Delegate=yes PROGRAM'.";

    private static void CheckId(string id)
    {
        if (!Id().IsMatch(id))
        {
            throw new ArgumentException($"'{id}' cannot name a control group.", nameof(id));
        }
    }

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9_.-]*\z")]
    private static partial Regex Id();
}
