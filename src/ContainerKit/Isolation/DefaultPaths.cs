namespace ContainerKit.Isolation;

/// <summary>What of /proc and /sys a container cannot see or cannot write, as docker has it.</summary>
/// <remarks>OCI runtime specification, config-linux.md, "Masked Paths" and "Readonly Paths".</remarks>
internal static class DefaultPaths
{
    /// <summary>Paths that look empty inside. Not every kernel has all of them.</summary>
    public static IReadOnlyList<string> Masked { get; } =
    [
        "/proc/acpi",
        "/proc/asound",
        "/proc/interrupts",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/sched_debug",
        "/proc/scsi",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/sys/devices/virtual/powercap",
        "/sys/firmware",
    ];

    /// <summary>Paths that cannot be written inside.</summary>
    public static IReadOnlyList<string> ReadOnly { get; } =
    [
        "/proc/bus",
        "/proc/fs",
        "/proc/irq",
        "/proc/sys",
        "/proc/sysrq-trigger",
    ];
}
