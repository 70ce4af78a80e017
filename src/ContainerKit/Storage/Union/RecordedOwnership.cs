using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union;

/// <summary>
/// On disk everything belongs to one user, who is root inside; what the files cannot say themselves stands in an
/// <see cref="OwnerRecord"/>, and only where it differs.
/// </summary>
/// <remarks>
/// A symlink, fifo or socket cannot have the attribute (the kernel allows <c>user.*</c> on files and directories only), so these
/// always belong to root inside. A program in the container can change a mode without knowing of the record: then the mode on
/// disk is no longer the one that goes with the record, and the disk is right.
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed class RecordedOwnership(uint userId, uint groupId) : TreeOwnership
{
    private const int SetUserId = 0x800, SetGroupId = 0x400, OwnerRead = 0x100, OwnerWrite = 0x80, OwnerAll = 0x1C0;

    public override TreeOwnership InMount => new SingleIdOwnership(this);

    public override bool IsOnFiles => false;

    public override bool IsOwnAttribute(string attribute) => attribute == OwnerRecord.Attribute || AttributeRecord.IsOne(attribute);

    public override FileKind DiskTypeOf(FileKind kind) => kind is FileKind.CharacterDevice or FileKind.BlockDevice ? FileKind.File : kind;

    public override int DiskModeOf(in WantedStat wanted)
    {
        var mode = wanted.Mode;
        mode &= wanted.UserId == 0 ? ~0 : ~SetUserId;
        mode &= wanted.GroupId == 0 ? ~0 : ~SetGroupId;

        // What root inside may always do, its one user outside must be able to do: enter, fill and empty directories, read files.
        return mode | (wanted.Kind == FileKind.Directory ? OwnerAll : OwnerRead);
    }

    public override FileStat Translate(FileCalls calls, SafeFileHandle directory, FileName name, in FileStat disk)
    {
        var seen = disk with
        {
            UserId = disk.UserId == userId ? 0 : disk.UserId,
            GroupId = disk.GroupId == groupId ? 0 : disk.GroupId,
        };
        if (!TryRead(calls, directory, name, disk, out var record))
        {
            return seen;
        }

        var wanted = WantedOf(record, disk.Kind);
        var mode = (int)(disk.RawMode & 0xFFF) == DiskModeOf(wanted) ? record.Mode : disk.Permissions;
        return seen with
        {
            RawMode = FileTypeBits.Of(wanted.Kind) | (uint)mode,
            UserId = record.UserId,
            GroupId = record.GroupId,
            Size = record.Device is null ? disk.Size : 0,
            DeviceMajor = record.Major,
            DeviceMinor = record.Minor,
        };
    }

    public override int TryDescribe(FileCalls calls, SafeFileHandle directory, FileName name, in WantedStat wanted, int? madeAs)
    {
        if (wanted.Kind == FileKind.Symlink)
        {
            return 0;
        }

        var diskMode = DiskModeOf(wanted);
        var canHoldRecord = DiskTypeOf(wanted.Kind) is FileKind.File or FileKind.Directory;
        var isDevice = wanted.Kind is FileKind.CharacterDevice or FileKind.BlockDevice;
        var isNeeded = canHoldRecord && (isDevice || diskMode != wanted.Mode || (wanted.UserId, wanted.GroupId) != (0u, 0u));
        var errno = 0;
        if (isNeeded)
        {
            var record = new OwnerRecord(wanted.UserId, wanted.GroupId, wanted.Mode, isDevice ? wanted.Kind : null, wanted.DeviceMajor, wanted.DeviceMinor);
            errno = TryWrite(calls, directory, name, record);
        }
        else if (canHoldRecord && madeAs is null)
        {
            errno = calls.TryRemoveAttribute(directory, name, OwnerRecord.Attribute);
            errno = errno is Errno.ENODATA or Errno.EOPNOTSUPP ? 0 : errno;
            if (errno == Errno.EACCES)
            {
                errno = AllowWriting(calls, directory, name);
                errno = errno != 0 ? errno : calls.TryRemoveAttribute(directory, name, OwnerRecord.Attribute);
                errno = errno == Errno.ENODATA ? 0 : errno;
            }
        }

        return errno != 0 || madeAs == diskMode ? errno : calls.TrySetMode(directory, name, diskMode);
    }

    public override void Unlock(FileCalls calls, SafeFileHandle directory, FileName name, in FileStat disk)
    {
        if ((disk.RawMode & OwnerAll) == OwnerAll || disk.UserId != userId)
        {
            return;
        }

        var seen = Translate(calls, directory, name, disk);
        LinuxException.ThrowIf(TryDescribe(calls, directory, name, WantedStat.Of(seen), null), $"enter '{name}'");
    }

    private static bool TryRead(FileCalls calls, SafeFileHandle directory, FileName name, in FileStat disk, out OwnerRecord record)
    {
        record = default;
        return (disk.IsRegular || disk.IsDirectory)
            && OwnerRecord.TryRead(calls, directory, name, out record)
            && (record.Device is null || disk is { IsRegular: true, Size: 0 });
    }

    private static int TryWrite(FileCalls calls, SafeFileHandle directory, FileName name, OwnerRecord record)
    {
        var text = record.ToBytes();
        var errno = calls.TrySetAttribute(directory, name, OwnerRecord.Attribute, text);
        if (errno != Errno.EACCES)
        {
            return errno;
        }

        // Unlike a mode, a user attribute takes the right to write the file. The mode on disk is set afterwards in any case.
        errno = AllowWriting(calls, directory, name);
        return errno != 0 ? errno : calls.TrySetAttribute(directory, name, OwnerRecord.Attribute, text);
    }

    private static int AllowWriting(FileCalls calls, SafeFileHandle directory, FileName name)
    {
        var errno = calls.TryStat(directory, name, out var stat);
        return errno != 0 ? errno : calls.TrySetMode(directory, name, stat.Permissions | OwnerWrite | OwnerRead);
    }

    private static WantedStat WantedOf(OwnerRecord record, FileKind disk) =>
        new(record.Device ?? disk, record.Mode, record.UserId, record.GroupId, record.Major, record.Minor);
}
