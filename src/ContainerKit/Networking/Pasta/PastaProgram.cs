using System.Globalization;
using System.Runtime.Versioning;
using ContainerKit.Linux;

namespace ContainerKit.Networking.Pasta;

/// <summary>The host's pasta(1): where it is, what it needs, and how it is told what to do.</summary>
internal static class PastaProgram
{
    public const string Capability = "pasta", Device = "/dev/net/tun";

    /// <summary>What an ordinary user does where there is none.</summary>
    public const string Cure = "Install it (Debian's package passt). Without it, OpenTcpAsync and published ports lead into NetworkMode.None, and NetworkMode.Host is the host's own network.";

    /// <summary>What to do where the device is shut.</summary>
    public const string DeviceCure = $"Let this user read and write {Device}, as the rules of most distributions do: 'chmod 0666 {Device}'.";

    /// <summary>The container's own address, and the way out. Not the host's address, which pasta would take otherwise: then nobody inside could reach the host by it.</summary>
    public const string Address = "10.0.2.100", Mask = "255.255.255.0", Gateway = "10.0.2.2";

    /// <summary>The program's path; null where it is not installed.</summary>
    public static string? Find() => $"{Environment.GetEnvironmentVariable("PATH")}:/usr/bin:/bin".Split(':', StringSplitOptions.RemoveEmptyEntries)
        .Select(directory => Path.Combine(directory, "pasta")).FirstOrDefault(File.Exists);

    /// <summary>0, or the error number of opening the device that it makes interfaces with.</summary>
    [SupportedOSPlatform("linux")]
    public static int TryDevice()
    {
        var errno = FileCalls.Local.TryOpen(null, Device, OpenFlags.ReadWrite, 0, Resolve.Host, out var handle);
        handle.Dispose();
        return errno;
    }

    /// <summary>Finds what is needed.</summary>
    /// <param name="owner">What messages call the container.</param>
    /// <returns>The program's path.</returns>
    /// <exception cref="HostCapabilityException">Something is missing, or this is root.</exception>
    [SupportedOSPlatform("linux")]
    public static string Require(string owner)
    {
        if (Environment.IsPrivilegedProcess)
        {
            throw new HostCapabilityException(Capability, $"The container '{owner}' cannot have NetworkMode.Pasta: that is an ordinary user's way out, and this process is root.")
            {
                Hint = "Use NetworkMode.Bridge, which root's containers share, and which the kernel serves.",
            };
        }

        if (Find() is not { } program)
        {
            throw new HostCapabilityException(Capability, $"The container '{owner}' cannot have NetworkMode.Pasta: the program pasta is not installed.") { Hint = Cure };
        }

        return TryDevice() is not 0 and var errno
            ? throw new HostCapabilityException(Capability, $"The container '{owner}' cannot have NetworkMode.Pasta: {Device} cannot be opened: {LinuxException.Describe(errno)}.") { Hint = DeviceCure }
            : program;
    }

    /// <summary>Its command line: connections go out, none come in (published ports have their own way), and the host's loopback interface stays the host's.</summary>
    /// <param name="processId">The process whose namespaces it joins.</param>
    /// <param name="ready">The file that it writes to when the interface is there.</param>
    public static IReadOnlyList<string> Arguments(int processId, string ready) =>
    [
        "pasta", "--foreground", "--quiet", "--config-net", "--no-map-gw",
        "--address", Address, "--netmask", Mask, "--gateway", Gateway, "--ns-ifname", "eth0",
        "--tcp-ports", "none", "--udp-ports", "none", "--tcp-ns", "none", "--udp-ns", "none",
        "--pid", ready, processId.ToString(CultureInfo.InvariantCulture),
    ];

    /// <summary>What it said, without what it could not say elsewhere.</summary>
    public static string Complaint(string error) => string.Join("; ", error
        .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        .Where(line => !line.Contains("syslog", StringComparison.Ordinal)));
}
