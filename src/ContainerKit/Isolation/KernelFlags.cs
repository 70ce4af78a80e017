namespace ContainerKit.Isolation;

/// <summary>The kernel's flags that plans speak of, by the kernel's names; all are the same on x64 and arm64.</summary>
internal static class KernelFlags
{
    // openat2(2)
    public const int AT_FDCWD = -100, AT_EMPTY_PATH = 0x1000, AT_RECURSIVE = 0x8000;
    public const ulong O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0x40, O_TRUNC = 0x200, O_APPEND = 0x400, O_NOCTTY = 0x100, O_NONBLOCK = 0x800, O_CLOEXEC = 0x80000, O_PATH = 0x200000;
    public const ulong RESOLVE_NO_MAGICLINKS = 2, RESOLVE_NO_SYMLINKS = 4, RESOLVE_IN_ROOT = 0x10;

    public const int SEEK_CUR = 1, SEEK_END = 2;

    // clone(2), unshare(2), setns(2)
    public const ulong CLONE_PARENT = 0x8000, CLONE_CHILD_SETTID = 0x1000000, CLONE_NEWNS = 0x20000, CLONE_NEWCGROUP = 0x2000000, CLONE_NEWUTS = 0x4000000, CLONE_NEWIPC = 0x8000000,
        CLONE_NEWUSER = 0x10000000, CLONE_NEWPID = 0x20000000, CLONE_NEWNET = 0x40000000, CLONE_INTO_CGROUP = 0x200000000;

    public const int SIGKILL = 9, SIGCHLD = 17;

    // ioctl_tty(2)
    public const uint TIOCSCTTY = 0x540E, TIOCSWINSZ = 0x5414, TIOCSPTLCK = 0x40045431, TIOCGPTPEER = 0x5441;

    // mount(2), fsopen(2), mount_setattr(2), move_mount(2), umount2(2)
    public const ulong MS_RDONLY = 1, MS_NOSUID = 2, MS_NODEV = 4, MS_NOEXEC = 8, MS_REC = 0x4000,
        MS_UNBINDABLE = 1 << 17, MS_PRIVATE = 1 << 18, MS_SLAVE = 1 << 19, MS_SHARED = 1 << 20;
    public const ulong MOUNT_ATTR_RDONLY = 1, MOUNT_ATTR_NOSUID = 2, MOUNT_ATTR_NODEV = 4, MOUNT_ATTR_NOEXEC = 8, MOUNT_ATTR__ATIME = 0x70,
        MOUNT_ATTR_NOATIME = 0x10, MOUNT_ATTR_STRICTATIME = 0x20, MOUNT_ATTR_NODIRATIME = 0x80, MOUNT_ATTR_IDMAP = 0x100000;
    public const int OPEN_TREE_CLONE = 1, OPEN_TREE_CLOEXEC = 0x80000;
    public const int FSOPEN_CLOEXEC = 1, FSMOUNT_CLOEXEC = 1;
    public const int FSCONFIG_SET_FLAG = 0, FSCONFIG_SET_STRING = 1, FSCONFIG_CMD_CREATE = 6;
    public const int MOVE_MOUNT_F_EMPTY_PATH = 4, MOVE_MOUNT_T_EMPTY_PATH = 0x40;
    public const int MNT_DETACH = 2;

    // prctl(2), seccomp(2), capset(2), keyctl(2)
    public const int PR_SET_PDEATHSIG = 1, PR_SET_DUMPABLE = 4, PR_SET_KEEPCAPS = 8, PR_SET_NAME = 15, PR_CAPBSET_DROP = 24,
        PR_SET_SECUREBITS = 28, PR_SET_CHILD_SUBREAPER = 36, PR_SET_NO_NEW_PRIVS = 38;
    public const int SECBIT_NO_SETUID_FIXUP = 4;
    public const int SECCOMP_SET_MODE_FILTER = 1;
    public const int KEYCTL_JOIN_SESSION_KEYRING = 1;
    public const int CAP_SYS_ADMIN = 21;

    // signalfd(2), eventfd(2), poll(2), wait(2)
    public const int SIG_BLOCK = 0, SIG_UNBLOCK = 1, SFD_CLOEXEC = 0x80000, SFD_NONBLOCK = 0x800, EFD_CLOEXEC = 0x80000, EFD_NONBLOCK = 0x800;
    public const int P_ALL = 0, P_PID = 1, WEXITED = 4, WNOWAIT = 0x1000000, CLD_EXITED = 1;
    public const int POLLIN = 1, WNOHANG = 1, CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1, AT_REMOVEDIR = 0x200;

    // inode(7), close_range(2), fcntl(2), netdevice(7)
    public const uint S_IFREG = 0x8000, S_IFCHR = 0x2000;
    public const int CLOSE_RANGE_CLOEXEC = 4;
    public const int F_GETFD = 1, F_SETFL = 4, F_DUPFD_CLOEXEC = 1030;
    public const int AF_UNIX = 1, MSG_PEEK = 2, MSG_NOSIGNAL = 0x4000, SOCK_DGRAM = 2, SOCK_CLOEXEC = 0x80000, SIOCSIFFLAGS = 0x8914, IFF_UP = 1, IFF_RUNNING = 0x40;
}
