using ContainerKit.Linux;

namespace ContainerKit.Storage.Union.Core;

// Extended attributes. Those that are somebody's books are neither shown nor taken.
internal sealed partial class UnionCore
{
    private const int Create = 1, Replace = 2;

    private static ReadOnlySpan<byte> AclPrefix => "system.posix_acl_"u8;

    private static ReadOnlySpan<byte> DefaultAcl => "system.posix_acl_default"u8;

    /// <summary>Sets one.</summary>
    /// <param name="inode">The object.</param>
    /// <param name="name">The attribute.</param>
    /// <param name="value">Its new value.</param>
    /// <param name="flags">XATTR_CREATE = 1, XATTR_REPLACE = 2.</param>
    /// <param name="killsSetGroupId">Whether the set-group-ID bit goes with it.</param>
    public int SetExtendedAttribute(Inode inode, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, int flags, bool killsSetGroupId)
    {
        if (IsHidden(name))
        {
            return Errno.EPERM;
        }

        if (!_options.HasAcls && name.StartsWith(AclPrefix))
        {
            return Errno.EOPNOTSUPP;
        }

        var errno = CopyUp(inode);
        if (errno != 0)
        {
            return errno;
        }

        _tree.EnterWriteLock();
        try
        {
            errno = Locate(inode, out var handle, out var place);
            if (errno == 0 && (flags & (Create | Replace)) != 0)
            {
                errno = _calls.TryGetAttribute(handle, place, name, default, out _);
                errno = ((flags & Create) != 0, errno) switch
                {
                    (true, 0) => Errno.EEXIST,
                    (true, Errno.ENODATA) => 0,
                    _ => errno,
                };
            }

            errno = errno != 0 ? errno : _calls.TrySetAttribute(handle, place, name, value);
            inode.IsWithoutCapability = false;
            if (inode is DirectoryInode directory && name.SequenceEqual(DefaultAcl))
            {
                directory.HasDefaultAcl = null;
            }

            return errno != 0 || !killsSetGroupId ? errno : DropSetGroupId(inode);
        }
        finally
        {
            _tree.ExitWriteLock();
        }
    }

    public int GetExtendedAttribute(Inode inode, ReadOnlySpan<byte> name, Span<byte> value, out int length)
    {
        length = 0;
        if (IsHidden(name))
        {
            return Errno.ENODATA;
        }

        _tree.EnterReadLock();
        try
        {
            var errno = Locate(inode, out var handle, out var place);
            errno = errno != 0 ? errno : _calls.TryGetAttribute(handle, place, name, value, out length);
            return errno is Errno.ENODATA or Errno.EOPNOTSUPP && _options.ChecksAllDirectories && inode is DirectoryInode directory && name.SequenceEqual(AccessAcl)
                ? GetCommonAcl(directory, value, out length)
                : errno;
        }
        finally
        {
            _tree.ExitReadLock();
        }
    }

    /// <summary>Lists the names; those that begin with <c>trusted.</c> are root's to see.</summary>
    public int ListExtendedAttributes(Inode inode, bool isRoot, Span<byte> names, out int length)
    {
        length = 0;
        _tree.EnterReadLock();
        try
        {
            var errno = Locate(inode, out var handle, out var place);
            errno = errno != 0 ? errno : _calls.TryListAttributes(handle, place, names, out length);
            if (errno != 0 || length == 0 || names.IsEmpty)
            {
                // The length alone may be more than what is shown in the end, which is allowed.
                return errno;
            }

            length = WithoutHidden(names[..length], isRoot);
            return 0;
        }
        finally
        {
            _tree.ExitReadLock();
        }
    }

    public int RemoveExtendedAttribute(Inode inode, ReadOnlySpan<byte> name)
    {
        if (IsHidden(name))
        {
            return Errno.ENODATA;
        }

        // AUFS copies up even for an attribute that is not there.
        var errno = IsAufs ? 0 : GetExtendedAttribute(inode, name, default, out _);
        errno = errno != 0 ? errno : CopyUp(inode);
        if (errno != 0)
        {
            return errno;
        }

        _tree.EnterWriteLock();
        try
        {
            errno = Locate(inode, out var handle, out var place);
            if (inode is DirectoryInode directory)
            {
                directory.HasDefaultAcl = null;
            }

            return errno != 0 ? errno : _calls.TryRemoveAttribute(handle, place, name);
        }
        finally
        {
            _tree.ExitWriteLock();
        }
    }

    private int DropSetGroupId(Inode inode)
    {
        var errno = Locate(inode, out var handle, out var name);
        errno = errno != 0 ? errno : _calls.TryStat(handle, name, out var disk) is var failure and not 0 ? failure
            : (disk.Permissions & SetGroupId) == 0 ? 0
            : _calls.TrySetMode(handle, name, disk.Permissions & ~SetGroupId);
        return errno;
    }

    private int WithoutHidden(Span<byte> names, bool isRoot)
    {
        var kept = 0;
        for (var start = 0; start < names.Length;)
        {
            var end = start + names[start..].IndexOf((byte)0) + 1;
            var name = names[start..end];
            var isKept = !IsHidden(name[..^1]) && (isRoot || !name.StartsWith("trusted."u8));
            if (isKept)
            {
                name.CopyTo(names[kept..]);
                kept += name.Length;
            }

            start = end;
        }

        return kept;
    }

    private bool IsHidden(ReadOnlySpan<byte> name)
    {
        // Only these can be anybody's books, and only for these is a string made.
        var mayBe = name.StartsWith("trusted.overlay."u8) || name.StartsWith("user.overlay."u8) || name.StartsWith("user.containerkit."u8);
        if (!mayBe)
        {
            return false;
        }

        var text = LinuxPath.Decode(name);
        return IsNotCopied(text) || _ownership.IsOwnAttribute(text);
    }

    private bool HasDefaultAcl(DirectoryInode directory, in BranchDirectory upper) =>
        directory.HasDefaultAcl ??= _calls.TryGetAttribute(upper.Handle, default, DefaultAcl, default, out _) == 0;
}
