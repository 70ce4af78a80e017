using ContainerKit.Linux;

namespace ContainerKit.Storage.Fuse;

/// <summary>The first exchange: the kernel says what it can do, the server what of it is to be done.</summary>
internal static class FuseNegotiation
{
    public const uint Major = 7, OldestMinor = 31, NewestMinor = 45, PassthroughMinor = 40;
    public const int MaxPages = 256, PageSize = 4096, MaxWrite = MaxPages * PageSize;

    // Backing files lie on a plain file system, and this mount may be a layer of an overlay.
    private const uint StackDepth = 1;

    private const FuseInitFlags Always =
        FuseInitFlags.AsyncRead | FuseInitFlags.AtomicTruncate | FuseInitFlags.BigWrites | FuseInitFlags.DontMask | FuseInitFlags.ReadDirPlus |
        FuseInitFlags.AsyncDirectIo | FuseInitFlags.ParallelDirectoryOperations | FuseInitFlags.PosixAcl | FuseInitFlags.MaxPages |
        FuseInitFlags.CacheSymlinks | FuseInitFlags.HandleKillPrivilegesV2 | FuseInitFlags.SetXAttrExtended | FuseInitFlags.InitExtended |
        FuseInitFlags.DirectIoAllowsMaps | FuseInitFlags.NoExportSupport;

    public static FuseInitFlags Offered(in FuseInitIn request) => (FuseInitFlags)(request.Flags | ((ulong)request.Flags2 << 32));

    /// <summary>The answer to what the kernel offers.</summary>
    /// <exception cref="StorageException">The kernel's protocol is too old.</exception>
    public static FuseInitOut Answer(in FuseInitIn request, bool opensDirectories, bool wantsPassthrough, bool allowsIdMapping)
    {
        if (request.Major != Major || request.Minor < OldestMinor)
        {
            throw new StorageException(
                $"Cannot serve a file system: this kernel speaks FUSE {request.Major}.{request.Minor}, and {Major}.{OldestMinor} is the oldest that is understood.")
            {
                Hint = "Linux 5.4 and later speak it.",
            };
        }

        var wanted = Always | (opensDirectories ? FuseInitFlags.None : FuseInitFlags.NoOpenDirectorySupport) |
            (wantsPassthrough ? FuseInitFlags.Passthrough : FuseInitFlags.None) | (allowsIdMapping ? FuseInitFlags.AllowIdMap : FuseInitFlags.None);
        var flags = wanted & Offered(request);
        return new FuseInitOut
        {
            Major = Major,
            Minor = Math.Min(request.Minor, NewestMinor),
            MaxReadAhead = request.MaxReadAhead,
            Flags = (uint)flags,
            Flags2 = (uint)((ulong)flags >> 32),
            MaxBackground = 64,
            CongestionThreshold = 48,
            MaxWrite = MaxWrite,
            MaxPages = MaxPages,
            TimeGranularity = 1,
            MaxStackDepth = (flags & FuseInitFlags.Passthrough) != 0 ? StackDepth : 0,
        };
    }

    /// <summary>Why passthrough is not to be had; null when it may be.</summary>
    public static string? WhyNoPassthrough(in FuseInitIn request, bool isAsked) =>
        !isAsked ? "off, as asked"
        : (Offered(request) & FuseInitFlags.Passthrough) == 0
            ? $"off: this kernel does not offer it (FUSE {request.Major}.{request.Minor}; Linux 6.9 has it, with FUSE {Major}.{PassthroughMinor})"
        : null;

    /// <summary>What is said when the kernel offers passthrough and then refuses the first file.</summary>
    public static string Refused(int errno) => errno == Errno.EPERM
        ? "refused: the kernel wants CAP_SYS_ADMIN in the first user namespace for it"
        : $"refused: {LinuxException.Describe(errno)}";
}
