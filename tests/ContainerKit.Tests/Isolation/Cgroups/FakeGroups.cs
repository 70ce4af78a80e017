using ContainerKit.Isolation.Cgroups;

namespace ContainerKit.Tests.Isolation.Cgroups;

/// <summary>A tree of version 2 made of plain directories: the files are there, and hold what is written to them.</summary>
internal sealed class FakeGroups : IDisposable
{
    private static readonly string[] Files =
        ["cgroup.procs", "cgroup.controllers", "cgroup.subtree_control", "memory.max", "memory.swap.max", "cpu.max", "cpu.weight", "cpuset.cpus", "cpuset.mems", "pids.max"];

    public string Top { get; } = Directory.CreateTempSubdirectory("containerkit-").FullName;

    public static string Read(string directory, string file) => File.ReadAllText(Path.Combine(directory, file));

    /// <summary>Makes a group with controllers; every group but the topmost has a type.</summary>
    public string Make(string path, string controllers, string handsDown = "", string processes = "")
    {
        var directory = Path.Join(Top, path).TrimEnd('/');
        Directory.CreateDirectory(directory);
        foreach (var file in Files)
        {
            File.WriteAllText(Path.Combine(directory, file), "");
        }

        File.WriteAllText(Path.Combine(directory, "cgroup.controllers"), controllers + "\n");
        File.WriteAllText(Path.Combine(directory, "cgroup.subtree_control"), handsDown + "\n");
        File.WriteAllText(Path.Combine(directory, "cgroup.procs"), processes);
        if (path.Length > 0)
        {
            File.WriteAllText(Path.Combine(directory, "cgroup.type"), "domain\n");
        }

        return directory;
    }

    public CgroupLayout LayoutSeenFrom(string own) =>
        new([new CgroupHierarchy(CgroupVersion.V2, new HashSet<string>(), Top, Path.Join(Top, own).TrimEnd('/'))]);

    public void Dispose() => Directory.Delete(Top, recursive: true);
}
