using System.Runtime.Versioning;
using ContainerKit.Linux;

namespace ContainerKit.Containers.Runs;

/// <summary>Refuses bind mounts that are to pass mounts on where the host passes none on: the kernel would not say a word, and nothing would ever appear.</summary>
[SupportedOSPlatform("linux")]
internal static class SharedMounts
{
    /// <exception cref="HostCapabilityException">The source of one lies on a mount that the host does not share.</exception>
    public static void Require(IEnumerable<Mount> mounts)
    {
        foreach (var mount in mounts.Where(mount => mount.Type == "bind" && mount.Options.Any(option => option is "rslave" or "rshared")))
        {
            var below = MountBelow(mount.Source);
            var isSlave = mount.Options.Contains("rslave");
            if (below is not null && !below.Propagation.Any(tag => tag.StartsWith("shared:", StringComparison.Ordinal) || (isSlave && tag.StartsWith("master:", StringComparison.Ordinal))))
            {
                throw new HostCapabilityException("shared-mounts", $"Cannot pass on mounts below '{mount.Source}': it lies on the mount '{below.Target}', which the host does not share.")
                {
                    Hint = $"mount --make-rshared '{below.Target}', or leave the propagation out.",
                };
            }
        }
    }

    /// <summary>The mount that a path lies on; null when there is no such path, which the start tells.</summary>
    private static MountInfo? MountBelow(string path)
    {
        if (FileCalls.Local.TryOpen(null, path, OpenFlags.PathOnly, 0, Resolve.Host, out var handle) != 0)
        {
            return null;
        }

        using (handle)
        {
            const string Key = "mnt_id:";
            var id = File.ReadLines($"/proc/self/fdinfo/{handle.DangerousGetHandle()}").First(line => line.StartsWith(Key, StringComparison.Ordinal))[Key.Length..].Trim();
            return MountInfo.Parse(File.ReadAllText("/proc/self/mountinfo")).FirstOrDefault(mount => mount.Id == id);
        }
    }
}
