using ContainerKit.Linux;

namespace ContainerKit.Storage.Union.Core;

// Attributes: owners, modes, times and sizes; and what the file system says of itself.
internal sealed partial class UnionCore
{
    public int GetAttributes(Inode inode, out FileStat stat)
    {
        _tree.EnterReadLock();
        try
        {
            return TryStat(inode, out stat);
        }
        finally
        {
            _tree.ExitReadLock();
        }
    }

    /// <summary>Changes attributes; the object is copied up whichever they are.</summary>
    public int SetAttributes(Inode inode, in AttributesChange change, out FileStat stat)
    {
        stat = default;
        if (change.Size is { } size && inode.Kind != FileKind.File)
        {
            return inode.Kind == FileKind.Directory ? Errno.EISDIR : Errno.EINVAL;
        }

        var errno = CopyUp(inode, change.Size ?? long.MaxValue);
        errno = errno != 0 || change.Size is null ? errno : SetSize(inode, change);
        if (errno != 0)
        {
            return errno;
        }

        _tree.EnterWriteLock();
        try
        {
            errno = Locate(inode, out var handle, out var name);
            errno = errno != 0 ? errno : _calls.TryStat(handle, name, out stat);
            if (errno != 0)
            {
                return errno;
            }

            var present = WantedStat.Of(_ownership.Translate(_calls, handle, name, stat));
            var wanted = present with
            {
                UserId = change.UserId ?? present.UserId,
                GroupId = change.GroupId ?? present.GroupId,
                Mode = (int)((change.Mode ?? AfterChangeOfOwner(present, change)) & 0xFFF),
            };
            if (TakesPrivileges(change))
            {
                inode.IsWithoutCapability = false;
                errno = inode.Kind == FileKind.Directory ? 0 : _calls.TryRemoveAttribute(handle, name, "security.capability"u8);
                errno = errno is Errno.ENODATA or Errno.EOPNOTSUPP or Errno.EPERM ? 0 : errno;
            }

            errno = errno != 0 || wanted == present ? errno : _ownership.TryChange(_calls, handle, name, present, wanted);

            // A mode that is set to what it was is a change all the same, to the change time.
            errno = errno != 0 || wanted != present || inode.Kind == FileKind.Symlink || change.Mode is null ? errno : _calls.TrySetMode(handle, name, stat.Permissions);
            errno = errno != 0 || (change.AccessTime is null && change.ModifiedTime is null)
                ? errno
                : _calls.TrySetTimes(handle, name, change.AccessTime, change.ModifiedTime);
            return errno != 0 ? errno : TryStat(inode, out stat);
        }
        finally
        {
            _tree.ExitWriteLock();
        }
    }

    public int ReadLink(Inode inode, Span<byte> target, out int length)
    {
        length = 0;
        _tree.EnterReadLock();
        try
        {
            var errno = Locate(inode, out var handle, out var name);
            return errno != 0 ? errno : _calls.TryReadLink(handle, name, target, out length);
        }
        finally
        {
            _tree.ExitReadLock();
        }
    }

    /// <summary>Of the topmost branch, as AUFS and overlayfs have it.</summary>
    public int GetSpace(out FileSystemSpace space)
    {
        var errno = DataCalls.TryGetSpace(Root.Parts![0].Handle, out space);
        space = space with { NameLength = Math.Min(space.NameLength, (uint)_dialect.MaxNameLength) };
        return errno;
    }

    private static uint AfterChangeOfOwner(in WantedStat present, in AttributesChange change)
    {
        var mode = (uint)present.Mode;
        if (present.Kind == FileKind.Directory || !TakesPrivileges(change))
        {
            return mode;
        }

        return mode & ~(uint)SetUserId & ((mode & GroupExecute) != 0 ? ~(uint)SetGroupId : ~0u);
    }

    private static bool TakesPrivileges(in AttributesChange change) =>
        change.UserId is not null || change.GroupId is not null || (change.KillsPrivileges && change.Size is null);

    private int SetSize(Inode inode, in AttributesChange change)
    {
        lock (inode)
        {
            var wasOpen = inode.Data is not null;
            var errno = OpenData(inode, isWritable: true);
            errno = errno != 0 ? errno : KillPrivileges(inode, change.KillsPrivileges);
            errno = errno != 0 ? errno : DataCalls.TrySetLength(inode.Data!, change.Size!.Value);
            if (!wasOpen)
            {
                inode.Data?.Dispose();
                (inode.Data, inode.IsDataWritable) = (null, false);
            }

            return errno;
        }
    }
}

/// <summary>Which attributes to change, and to what.</summary>
internal readonly record struct AttributesChange
{
    public uint? Mode { get; init; }

    public uint? UserId { get; init; }

    public uint? GroupId { get; init; }

    public long? Size { get; init; }

    /// <summary>A time, <see cref="FileCalls.Now"/>, or null for as it is.</summary>
    public UnixTime? AccessTime { get; init; }

    /// <inheritdoc cref="AccessTime"/>
    public UnixTime? ModifiedTime { get; init; }

    /// <summary>Whether set-ID bits and capabilities are taken away.</summary>
    public bool KillsPrivileges { get; init; }
}
