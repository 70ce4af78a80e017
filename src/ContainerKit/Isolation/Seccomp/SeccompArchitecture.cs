using System.Runtime.InteropServices;

namespace ContainerKit.Isolation.Seccomp;

/// <summary>A way to call the kernel, with numbers of its own; the values are what the kernel tells a filter (AUDIT_ARCH_*, linux/audit.h).</summary>
internal enum SeccompArchitecture : uint
{
    X86 = 0x4000_0003,
    X64 = 0xC000_003E,
    Arm = 0x4000_0028,
    Arm64 = 0xC000_00B7,
}

/// <summary>What is known about each architecture.</summary>
internal static class SeccompArchitectures
{
    private const uint Is64Bit = 0x8000_0000;

    /// <summary>The machine's own.</summary>
    /// <exception cref="HostCapabilityException">No table of system calls is known for this machine.</exception>
    public static SeccompArchitecture Native => RuntimeInformation.OSArchitecture switch
    {
        Architecture.X64 => SeccompArchitecture.X64,
        Architecture.Arm64 => SeccompArchitecture.Arm64,
        var other => throw new HostCapabilityException("seccomp", $"A seccomp filter for {other} cannot be made: only x64 and arm64 are known."),
    };

    /// <summary>Whether arguments have 32 bits: then a filter sees zeros above, and looks at the low half only.</summary>
    public static bool HasNarrowArguments(this SeccompArchitecture architecture) => ((uint)architecture & Is64Bit) == 0;

    /// <summary>Go's name of it, which docker's profiles use in <c>includes</c> and <c>excludes</c>.</summary>
    public static string DockerName(this SeccompArchitecture architecture) => architecture switch
    {
        SeccompArchitecture.X64 => "amd64",
        SeccompArchitecture.X86 => "x86",
        SeccompArchitecture.Arm64 => "arm64",
        SeccompArchitecture.Arm => "arm",
        _ => throw new ArgumentOutOfRangeException(nameof(architecture)),
    };

    /// <summary>libseccomp's name of it, which profiles use in <c>architectures</c> and <c>archMap</c>.</summary>
    public static string OciName(this SeccompArchitecture architecture) => architecture switch
    {
        SeccompArchitecture.X64 => "SCMP_ARCH_X86_64",
        SeccompArchitecture.X86 => "SCMP_ARCH_X86",
        SeccompArchitecture.Arm64 => "SCMP_ARCH_AARCH64",
        SeccompArchitecture.Arm => "SCMP_ARCH_ARM",
        _ => throw new ArgumentOutOfRangeException(nameof(architecture)),
    };
}
