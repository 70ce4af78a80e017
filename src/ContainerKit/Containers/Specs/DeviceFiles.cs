using System.Runtime.Versioning;
using ContainerKit.Containers.Catalog;
using ContainerKit.Linux;

namespace ContainerKit.Containers.Specs;

/// <summary>Devices of the host in a container: the host's own nodes, each on a mount of its own.</summary>
[SupportedOSPlatform("linux")]
internal static class DeviceFiles
{
    /// <summary>What is mounted for a device.</summary>
    /// <remarks>
    /// Read-only is about the node, which is the host's: nobody inside changes its mode or its owner. What is read from the device and
    /// written to it does not pass through the file system.
    /// </remarks>
    public static Mount MountOf(DeviceMapping device) => new("bind", device.HostPath, device.ContainerPath, ["bind", "ro", "nosuid", "noexec"]);

    /// <summary>Refuses what is no device: of a directory, a mount without nodev would open every device below.</summary>
    public static void Require(ContainerRecord record)
    {
        foreach (var (path, _) in record.Options.Devices)
        {
            var errno = FileCalls.Local.TryOpen(null, path, OpenFlags.PathOnly, 0, Resolve.Host, out var file);
            using (file)
            {
                var kind = errno == 0 ? FileCalls.Local.Stat(file).Kind : (FileKind?)null;
                if (kind is not (FileKind.CharacterDevice or FileKind.BlockDevice))
                {
                    throw new IsolationException($"The container '{record.Label}' cannot start: '{path}' is {(kind is null ? "not there" : "no device")} on this host.")
                    {
                        Hint = "Name the node of a device, such as /dev/fuse; its driver may have to be loaded with modprobe first.",
                    };
                }
            }
        }
    }
}
