using System.Runtime.InteropServices;

namespace ContainerKit.Isolation.Seccomp;

/// <summary>A way to call the kernel, with its own numbers, as the kernel tells it to filters (AUDIT_ARCH_*, linux/audit.h).</summary>
internal enum SeccompArchitecture : uint
{
    X86 = 0x4000_0003,
    X64 = 0xC000_003E,
    Arm = 0x4000_0028,
    Arm64 = 0xC000_00B7,
}

internal static class SeccompArchitectures
{
    /// <summary>The machine's own.</summary>
    public static SeccompArchitecture Native => RuntimeInformation.OSArchitecture switch
    {
        Architecture.X64 => SeccompArchitecture.X64,
        Architecture.Arm64 => SeccompArchitecture.Arm64,
        var other => throw new HostCapabilityException("seccomp", $"Seccomp filters for {other} cannot be made: only x64 and arm64 are known."),
    };
}
