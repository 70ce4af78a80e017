namespace ContainerKit.Storage.Fuse;

/// <summary>How a file was opened.</summary>
internal struct FuseOpenReply
{
    /// <summary>Comes back with every request for the open file; the file system's own number.</summary>
    public ulong Handle;

    public FuseOpenFlags Flags;

    /// <summary>With <see cref="FuseOpenFlags.Passthrough"/>: which backing file, by <see cref="FuseKernel.TryOpenBacking"/>.</summary>
    public int BackingId;
}

/// <summary>The protocol's FOPEN_ flags that this server knows.</summary>
[Flags]
internal enum FuseOpenFlags : uint
{
    None = 0,

    /// <summary>Every read and write comes to the server; no page cache.</summary>
    DirectIo = 1 << 0,

    /// <summary>What the page cache has of the file is still good.</summary>
    KeepCache = 1 << 1,
    NotSeekable = 1 << 2,

    /// <summary>The kernel may keep the names of a directory.</summary>
    CacheDirectory = 1 << 3,

    /// <summary>No flush request at close.</summary>
    NoFlush = 1 << 5,

    /// <summary>Reads, writes and maps go to the backing file, and never to the server. Best set by <see cref="FuseBacking"/>.</summary>
    Passthrough = 1 << 7,
}
