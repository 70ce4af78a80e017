namespace ContainerKit.Isolation.Seccomp;

/// <summary>What the kernel does with a call: the value that a filter returns. seccomp(2), linux/seccomp.h</summary>
internal readonly record struct SeccompAction(uint Value)
{
    private const uint KindMask = 0xFFFF_0000;
    private const uint ErrnoKind = 0x0005_0000, NotifyKind = 0x7FC0_0000, TraceKind = 0x7FF0_0000;

    public static SeccompAction KillProcess { get; } = new(0x8000_0000);

    public static SeccompAction KillThread { get; } = new(0);

    public static SeccompAction Trap { get; } = new(0x0003_0000);

    public static SeccompAction Notify { get; } = new(NotifyKind);

    public static SeccompAction Log { get; } = new(0x7FFC_0000);

    public static SeccompAction Allow { get; } = new(0x7FFF_0000);

    /// <summary>The call fails with this error number, as one that the kernel lacks does with ENOSYS.</summary>
    public static SeccompAction Errno(ushort errno) => new(ErrnoKind | errno);

    /// <summary>A tracer decides, and is told this number; without one the call fails with ENOSYS.</summary>
    public static SeccompAction Trace(ushort message) => new(TraceKind | message);

    /// <summary>Whether somebody else has to be there to decide, through a descriptor that a filter's installer gets.</summary>
    public bool NeedsListener => Value == NotifyKind;

    /// <summary>Whether the call may yet happen.</summary>
    public bool MayHappen => (int)(Value & KindMask) >= (int)NotifyKind;

    /// <summary>The kernel's order among the answers of several filters, the strictest lowest: as a signed number it is just the value's kind.</summary>
    public int Leniency => (int)(Value & KindMask);
}
