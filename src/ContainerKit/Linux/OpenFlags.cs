namespace ContainerKit.Linux;

/// <summary>How a file is opened. The values are ContainerKit's own: the kernel's differ between architectures.</summary>
[Flags]
internal enum OpenFlags
{
    Read = 0,
    Write = 1 << 0,
    ReadWrite = 1 << 1,
    Create = 1 << 2,
    Exclusive = 1 << 3,
    Truncate = 1 << 4,
    Append = 1 << 5,
    Directory = 1 << 6,
    NoFollow = 1 << 7,

    /// <summary>O_PATH: a handle to the object itself, which opens nothing and works on every kind of object.</summary>
    PathOnly = 1 << 8,
    NonBlocking = 1 << 9,

    /// <summary>O_TMPFILE: a nameless file in the given directory.</summary>
    Nameless = 1 << 10,
    NoAccessTime = 1 << 11,
}

/// <summary>How openat2(2) resolves a path below the directory that it starts from.</summary>
internal enum Resolve
{
    /// <summary>The directory is the root for `..` and for absolute symlinks, as inside a chroot; no magic links. For paths from outside.</summary>
    InRoot,

    /// <summary>No symlink anywhere, no `..` above the directory. For a single name or a path already resolved.</summary>
    NoSymlinks,

    /// <summary>As openat(2) would: only for paths of the host's own.</summary>
    Host,
}
