using System.Globalization;
using System.Runtime.Versioning;
using ContainerKit.Linux;

namespace ContainerKit.Isolation.Cgroups;

/// <summary>The group of this process itself, in version 2: it can leave a group that was delegated to it to the containers, for one below.</summary>
/// <remarks>
/// systemd puts a unit's processes into the very group that it delegates, and a group with processes hands no controllers down. What is left of this is an
/// empty group, which goes with the unit.
/// </remarks>
[SupportedOSPlatform("linux")]
internal static class HostGroup
{
    /// <summary>The name of the group that this process goes to; others of this library that are started in the unit go there, too.</summary>
    public const string Name = "containerkit-host";

    /// <summary>Whether nobody is in a group but this process and what descends from it: it moves no strangers.</summary>
    public static bool CanMakeWay(string directory) =>
        CgroupFile.ReadWords(directory, "cgroup.procs") is { Count: > 0 } processes && processes.All(number => IsOurs(int.Parse(number, CultureInfo.InvariantCulture)));

    /// <summary>Moves them all.</summary>
    /// <exception cref="LinuxException">They cannot be moved.</exception>
    public static void MakeWay(string directory)
    {
        var below = Path.Combine(directory, Name);
        CgroupTree.MakeDirectory(below, mayExist: true);
        CgroupProcesses.MoveAll(directory, below);
    }

    // A number of 0 is a process that this one cannot see: a stranger.
    private static bool IsOurs(int process)
    {
        for (int? ancestor = process; ancestor is > 0 and var number; ancestor = ProcessTree.ParentOf(number))
        {
            if (number == Environment.ProcessId)
            {
                return true;
            }
        }

        return false;
    }
}
