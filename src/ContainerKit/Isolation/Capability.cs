namespace ContainerKit.Isolation;

/// <summary>One privilege of root, by its number in the kernel. capabilities(7)</summary>
public enum Capability
{
    /// <summary>Give files away: change owners and groups at will.</summary>
    Chown = 0,

    /// <summary>Pass by the permission bits of files.</summary>
    DacOverride = 1,

    /// <summary>Read and search past permission bits; open by handle.</summary>
    DacReadSearch = 2,

    /// <summary>Do to any file what its owner may do to it.</summary>
    Fowner = 3,

    /// <summary>Keep set-id bits when a file changes.</summary>
    Fsetid = 4,

    /// <summary>Signal processes of others.</summary>
    Kill = 5,

    /// <summary>Become any group.</summary>
    Setgid = 6,

    /// <summary>Become any user; write maps of user namespaces.</summary>
    Setuid = 7,

    /// <summary>Hand on capabilities and drop them from the bounding set.</summary>
    Setpcap = 8,

    /// <summary>Set the immutable and append-only attributes.</summary>
    LinuxImmutable = 9,

    /// <summary>Bind ports below 1024.</summary>
    NetBindService = 10,

    /// <summary>Unused by the kernel.</summary>
    NetBroadcast = 11,

    /// <summary>Configure the network.</summary>
    NetAdmin = 12,

    /// <summary>Use raw and packet sockets.</summary>
    NetRaw = 13,

    /// <summary>Lock memory.</summary>
    IpcLock = 14,

    /// <summary>Pass by the permissions of System V IPC objects.</summary>
    IpcOwner = 15,

    /// <summary>Load and remove kernel modules.</summary>
    SysModule = 16,

    /// <summary>Do raw input and output on ports and memory.</summary>
    SysRawio = 17,

    /// <summary>Change the root directory; join mount namespaces.</summary>
    SysChroot = 18,

    /// <summary>Trace and read any process.</summary>
    SysPtrace = 19,

    /// <summary>Switch process accounting.</summary>
    SysPacct = 20,

    /// <summary>Mount, and most else that an administrator does.</summary>
    SysAdmin = 21,

    /// <summary>Reboot, and load another kernel.</summary>
    SysBoot = 22,

    /// <summary>Raise priorities and set scheduling.</summary>
    SysNice = 23,

    /// <summary>Pass by resource limits and quotas.</summary>
    SysResource = 24,

    /// <summary>Set the clock.</summary>
    SysTime = 25,

    /// <summary>Configure terminals; hang them up.</summary>
    SysTtyConfig = 26,

    /// <summary>Make device nodes.</summary>
    Mknod = 27,

    /// <summary>Take leases on files.</summary>
    Lease = 28,

    /// <summary>Write the audit log.</summary>
    AuditWrite = 29,

    /// <summary>Configure auditing.</summary>
    AuditControl = 30,

    /// <summary>Set capabilities of files.</summary>
    Setfcap = 31,

    /// <summary>Pass by mandatory access control.</summary>
    MacOverride = 32,

    /// <summary>Configure mandatory access control.</summary>
    MacAdmin = 33,

    /// <summary>Read and clear the kernel's log.</summary>
    Syslog = 34,

    /// <summary>Wake the system from sleep.</summary>
    WakeAlarm = 35,

    /// <summary>Block the system's suspend.</summary>
    BlockSuspend = 36,

    /// <summary>Read the audit log.</summary>
    AuditRead = 37,

    /// <summary>Watch performance counters.</summary>
    Perfmon = 38,

    /// <summary>Load BPF programs.</summary>
    Bpf = 39,

    /// <summary>Checkpoint and restore processes.</summary>
    CheckpointRestore = 40,
}
