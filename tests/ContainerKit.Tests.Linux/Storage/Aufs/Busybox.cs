using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Storage.Aufs;

/// <summary>The tools that the scenarios' shell commands were recorded with: busybox's, whatever the host has.</summary>
internal static class Busybox
{
    /// <summary>Where they are, for PATH.</summary>
    public const string Path = "/tmp/busybox";

    /// <summary>Puts them there, in the place of the scenario.</summary>
    public static void Install()
    {
        var busybox = HostPath.Find("busybox")!;
        Directory.CreateDirectory(Path);
        Shell.Run(busybox, "--install", "-s", Path);
        if (!File.Exists($"{Path}/busybox"))
        {
            File.CreateSymbolicLink($"{Path}/busybox", busybox);
        }
    }
}
