using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union.Core;

// Making objects. They belong to whoever asked before anybody can see them, because the tree's lock is held until then.
internal sealed partial class UnionCore
{
    // Between the maker of a file, which opens it, and those who note that it is open; under the exclusive lock.
    private SafeFileHandle? _made;

    /// <summary>Makes an object; the inode that comes out has one lookup more.</summary>
    public int Make(DirectoryInode directory, ReadOnlySpan<byte> name, in NewObject wanted, in Caller caller, out Inode inode, out FileStat stat)
    {
        var errno = MakeObject(directory, name, wanted, caller, keepsOpen: false, out var made, out stat);
        inode = made!;
        return errno;
    }

    /// <summary>Makes a regular file and opens it.</summary>
    public int MakeFile(DirectoryInode directory, ReadOnlySpan<byte> name, uint mode, in Caller caller, out Inode inode, out FileStat stat)
    {
        var errno = MakeObject(directory, name, new NewObject(FileKind.File, mode), caller, keepsOpen: true, out var made, out stat);
        inode = made!;
        return errno;
    }

    /// <summary>Makes a file without a name and opens it; the inode that comes out has one lookup more.</summary>
    public int MakeNameless(DirectoryInode directory, uint mode, in Caller caller, out Inode inode, out FileStat stat)
    {
        (inode, stat) = (null!, default);
        _tree.EnterWriteLock();
        try
        {
            var errno = EnsureUpper(directory, out var upper);
            var (wanted, keepsMode) = (default(WantedStat), false);
            errno = errno != 0 ? errno : Complete(directory, upper, new NewObject(FileKind.File, mode), caller, out wanted, out keepsMode);
            return errno != 0 ? errno : MakeNamelessIn(upper, wanted, keepsMode, out inode, out stat);
        }
        finally
        {
            _tree.ExitWriteLock();
        }
    }

    private int MakeNamelessIn(in BranchDirectory upper, WantedStat wanted, bool keepsMode, out Inode inode, out FileStat stat)
    {
        (inode, stat) = (null!, default);
        var errno = _calls.TryOpen(
            upper.Handle, default, OpenFlags.Nameless | OpenFlags.ReadWrite, _ownership.DiskModeOf(wanted), Resolve.NoSymlinks, out var file);
        if (errno != 0)
        {
            return errno;
        }

        errno = Describe(file, default, wanted, keepsMode, out var disk);
        var data = file;
        errno = errno != 0 ? errno : _calls.TryReopen(file, OpenFlags.ReadWrite, out data);
        if (errno != 0)
        {
            file.Dispose();
            return errno;
        }

        stat = _ownership.Translate(_calls, file, default, disk);
        inode = _table.Meet(disk, FileKind.File, upper.Branch);
        inode.Held = file;
        (inode.Data, inode.IsDataWritable, inode.IsWithoutCapability) = (data, true, true);
        inode.Opens++;
        inode.AddLookups(1);
        return 0;
    }

    private int MakeObject(
        DirectoryInode directory, ReadOnlySpan<byte> name, in NewObject wanted, in Caller caller, bool keepsOpen, out Inode? inode, out FileStat stat)
    {
        (inode, stat) = (null, default);
        _tree.EnterWriteLock();
        try
        {
            _made = null;
            var errno = PlaceFor(directory, name, out var found);
            errno = errno != 0 ? errno
                : _dialect.WhyUnrepresentable(wanted.Kind, wanted.DeviceMajor, wanted.DeviceMinor) is null ? 0
                : Errno.EPERM;
            var (branch, upper) = (default(UpperBranch)!, default(BranchDirectory));
            errno = errno != 0 ? errno : TargetForNew(directory, found, out branch);
            errno = errno != 0 ? errno : EnsureUpper(directory, branch, out upper);
            if (errno != 0)
            {
                return errno;
            }

            found = found with { IsWhitedOutAbove = ReferenceEquals(found.Whiteout, branch.Branch) };
            errno = Complete(directory, upper, wanted, caller, out var complete, out var keepsMode);
            if (errno == 0 && keepsMode && found.IsWhitedOutAbove && _dialect.IsWhiteoutTheName)
            {
                // Only what is made in the directory itself gets the ACL that the directory hands on, and so the whiteout has to go first.
                errno = _dialect.RemoveWhiteout(_calls, upper.Handle, name);
                found = found with { IsWhitedOutAbove = wanted.Kind == FileKind.Directory };
            }

            var disk = default(FileStat);
            var target = wanted.Target;
            errno = errno != 0 ? errno : branch.Writer.Create(upper, name, found.IsWhitedOutAbove, wanted.Kind == FileKind.Directory, (into, as_) =>
            {
                var made = MakeOnDisk(into, as_, complete, target, keepsOpen);
                made = made != 0 ? made : Describe(into, as_, complete, keepsMode, out disk);
                if (made is not (0 or Errno.EEXIST))
                {
                    _ = _calls.TryUnlink(into, as_, complete.Kind == FileKind.Directory);
                }

                return made;
            });
            if (errno == 0 && wanted.Kind == FileKind.Directory && _options.MakesOpaque)
            {
                errno = _dialect.MakeOpaque(_calls, upper.Branch, upper.Handle, name);
            }

            if (errno != 0)
            {
                _made?.Dispose();
                return errno;
            }

            stat = _ownership.Translate(_calls, upper.Handle, name, disk);
            inode = Meet(directory, name, disk, wanted.Kind, upper.Branch);
            NoteNew(directory, inode.Name!.Name);
            LiftTimes(directory, upper);
            inode.AddLookups(1);
            if (_made is not null)
            {
                (inode.Data, inode.IsDataWritable, inode.IsWithoutCapability) = (_made, true, true);
                inode.Opens++;
            }

            return 0;
        }
        finally
        {
            _tree.ExitWriteLock();
        }
    }

    /// <summary>Sees that a name is free, and whether a whiteout is there.</summary>
    private int PlaceFor(DirectoryInode directory, ReadOnlySpan<byte> name, out Finding found)
    {
        found = default;
        var errno = _dialect.CheckName(name);
        errno = errno != 0 ? errno : directory.IsRemoved ? Errno.ENOENT : directory.TryGetChild(name, out _) ? Errno.EEXIST : 0;
        errno = errno != 0 ? errno : PartsOf(directory, out var parts) is var failure and not 0 ? failure : _stack.Find(parts, name, 0, out found);
        return errno != 0 ? errno : found.Exists ? Errno.EEXIST : Upper is null ? Errno.EROFS : 0;
    }

    /// <summary>What a new object is to be like, from what was asked for and what its directory hands on.</summary>
    private int Complete(
        DirectoryInode directory, in BranchDirectory upper, in NewObject asked, in Caller caller, out WantedStat wanted, out bool keepsMode)
    {
        wanted = default;
        keepsMode = HasDefaultAcl(directory, upper) && asked.Kind != FileKind.Symlink;
        var errno = TryStat(directory, out var parent);
        if (errno != 0)
        {
            return errno;
        }

        var handsGroupOn = (parent.Permissions & SetGroupId) != 0;
        var mode = asked.Mode & 0xFFF;
        mode = keepsMode ? mode : mode & ~caller.Umask;
        mode |= handsGroupOn && asked.Kind == FileKind.Directory ? SetGroupId : 0u;
        mode = asked.Kind == FileKind.Symlink ? 0x1FF : mode;
        wanted = new WantedStat(
            asked.Kind, (int)mode, caller.UserId, handsGroupOn ? parent.GroupId : caller.GroupId, asked.DeviceMajor, asked.DeviceMinor);
        return 0;
    }

    private int MakeOnDisk(SafeFileHandle into, FileName name, in WantedStat wanted, byte[]? target, bool keepsOpen)
    {
        var mode = _ownership.DiskModeOf(wanted);
        switch (wanted.Kind)
        {
            case FileKind.Directory:
                return _calls.TryMakeDirectory(into, name, mode);
            case FileKind.Symlink:
                return _calls.TryMakeSymlink(target, into, name);
            case FileKind.File when keepsOpen:
                var errno = _calls.TryOpen(
                    into, name, OpenFlags.ReadWrite | OpenFlags.Create | OpenFlags.Exclusive | OpenFlags.NoFollow, mode, Resolve.NoSymlinks, out var file);
                _made = errno == 0 ? file : null;
                return errno;
            default:
                return _calls.TryMakeNode(into, name, FileTypeBits.Of(_ownership.DiskTypeOf(wanted.Kind)) | (uint)mode, wanted.DeviceMajor, wanted.DeviceMinor);
        }
    }

    /// <summary>Gives a new object its owner and mode, where it has not got them already.</summary>
    private int Describe(SafeFileHandle into, FileName name, WantedStat wanted, bool keepsMode, out FileStat disk)
    {
        var errno = _calls.TryStat(into, name, out disk);
        if (errno != 0)
        {
            return errno;
        }

        var mode = keepsMode ? disk.Permissions : wanted.Mode;
        wanted = wanted with { Mode = mode };
        var isRight = _ownership.IsOnFiles && _ownership.DiskTypeOf(wanted.Kind) == wanted.Kind
            && (disk.UserId, disk.GroupId) == (wanted.UserId, wanted.GroupId) && (disk.Permissions == mode || wanted.Kind == FileKind.Symlink);
        if (isRight)
        {
            return 0;
        }

        // The group's bits of a file with an ACL are the ACL's mask: set again, they would stay the same.
        errno = _ownership.TryDescribe(_calls, into, name, wanted, madeAs: null);
        return errno != 0 ? errno : _calls.TryStat(into, name, out disk);
    }
}

/// <summary>What is to be made.</summary>
/// <param name="Kind">Its type.</param>
/// <param name="Mode">The permissions that were asked for.</param>
/// <param name="DeviceMajor">Of a device.</param>
/// <param name="DeviceMinor">Of a device.</param>
/// <param name="Target">Of a symlink.</param>
internal readonly record struct NewObject(FileKind Kind, uint Mode, uint DeviceMajor = 0, uint DeviceMinor = 0, byte[]? Target = null);
