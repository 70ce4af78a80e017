using System.Runtime.Versioning;
using ContainerKit.Linux;

namespace ContainerKit.Storage.Mounted;

/// <summary>The words that mount(8) has for every mount, whatever is mounted, as the kernel's attributes. Pure.</summary>
[SupportedOSPlatform("linux")]
internal static class MountFlags
{
    private const MountAttributes AccessTimes = MountAttributes.NoAccessTime | MountAttributes.StrictAccessTime;

    /// <summary>What a list of words sets and what it takes away; of words that contradict each other the last counts.</summary>
    public static (MountAttributes Added, MountAttributes Taken) ChangeOf(IEnumerable<string> flags)
    {
        var (added, taken) = (MountAttributes.None, MountAttributes.None);
        foreach (var flag in flags)
        {
            var (adds, takes) = flag switch
            {
                "ro" => (MountAttributes.ReadOnly, MountAttributes.None),
                "rw" => (MountAttributes.None, MountAttributes.ReadOnly),
                "nosuid" => (MountAttributes.NoSetId, MountAttributes.None),
                "suid" => (MountAttributes.None, MountAttributes.NoSetId),
                "nodev" => (MountAttributes.NoDevices, MountAttributes.None),
                "dev" => (MountAttributes.None, MountAttributes.NoDevices),
                "noexec" => (MountAttributes.NoExecution, MountAttributes.None),
                "exec" => (MountAttributes.None, MountAttributes.NoExecution),
                "noatime" => (MountAttributes.NoAccessTime, MountAttributes.StrictAccessTime),
                "strictatime" => (MountAttributes.StrictAccessTime, MountAttributes.NoAccessTime),
                "atime" or "relatime" => (MountAttributes.None, AccessTimes),
                "nodiratime" => (MountAttributes.NoDirectoryAccessTime, MountAttributes.None),
                "diratime" => (MountAttributes.None, MountAttributes.NoDirectoryAccessTime),
                _ => (MountAttributes.None, MountAttributes.None),
            };
            (added, taken) = ((added | adds) & ~takes, (taken | takes) & ~adds);
        }

        return (added, taken);
    }
}
