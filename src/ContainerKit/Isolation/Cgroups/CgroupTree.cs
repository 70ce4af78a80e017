using System.Runtime.Versioning;
using ContainerKit.Linux;

namespace ContainerKit.Isolation.Cgroups;

/// <summary>Makes the directories of a group, and in version 2 hands controllers down to it.</summary>
[SupportedOSPlatform("linux")]
internal static class CgroupTree
{
    private const int DirectoryMode = 0x1ED; // 0755
    private const int MostTries = 20;

    /// <summary>Makes <c>…/containerkit/ID</c>.</summary>
    /// <param name="directory">The group.</param>
    /// <param name="controllers">In version 2, what it is to be given; none in version 1.</param>
    /// <exception cref="LinuxException">It cannot be made.</exception>
    public static void Make(string directory, IReadOnlyList<string>? controllers = null)
    {
        var family = Path.GetDirectoryName(directory)!;
        for (var tries = 1; ; tries++)
        {
            try
            {
                HandDown(Path.GetDirectoryName(family)!, controllers ?? []);
                MakeDirectory(family, mayExist: true);
                HandDown(family, controllers ?? []);
                MakeDirectory(directory, mayExist: false);
                return;
            }
            catch (LinuxException e) when (e.Errno == Errno.ENOENT && tries < MostTries)
            {
                // Somebody removed the family's group as the last of it went; make it again.
                continue;
            }
        }
    }

    /// <summary>Hands a further controller of version 2 down to <c>…/containerkit/ID</c>, which has processes by now.</summary>
    /// <returns>False when the groups above do not have it.</returns>
    /// <exception cref="LinuxException">It cannot be handed down.</exception>
    public static bool TryHandDown(string directory, string controller)
    {
        var family = Path.GetDirectoryName(directory)!;
        var parent = Path.GetDirectoryName(family)!;
        if (!CgroupFile.ReadWords(parent, "cgroup.controllers").Contains(controller))
        {
            return false;
        }

        HandDown(parent, [controller]);
        HandDown(family, [controller]);
        return true;
    }

    private static void HandDown(string directory, IReadOnlyList<string> controllers)
    {
        var present = controllers.Count == 0 ? null : CgroupFile.ReadWords(directory, "cgroup.subtree_control");
        foreach (var controller in controllers.Where(c => !present!.Contains(c)))
        {
            CgroupFile.Write(directory, "cgroup.subtree_control", $"+{controller}");
        }
    }

    /// <summary>Makes one group.</summary>
    public static void MakeDirectory(string path, bool mayExist)
    {
        using var parent = FileCalls.Local.Open(null, Path.GetDirectoryName(path)!, OpenFlags.PathOnly | OpenFlags.Directory, resolve: Resolve.Host);
        var errno = FileCalls.Local.TryMakeDirectory(parent, Path.GetFileName(path), DirectoryMode);
        LinuxException.ThrowIf(errno == Errno.EEXIST && mayExist ? 0 : errno, $"make the control group '{path}'");
    }
}
