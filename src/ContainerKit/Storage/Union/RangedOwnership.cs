using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union;

/// <summary>
/// Owners and modes are on the files themselves, as ids of a user namespace. A device is an empty file with an
/// <see cref="OwnerRecord"/>, because mknod(2) makes none in a user namespace, whoever asks.
/// </summary>
/// <remarks>
/// Of the record only type and numbers count. Owner and mode are the file's own, so a program in the container that changes them,
/// and knows of no record, changes the device. Overlayfs's whiteout (0:0) is the one device that anybody can make; it stays one.
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed class RangedOwnership : DirectOwnership
{
    public override bool RecordsDevices => true;

    public override bool IsOwnAttribute(string attribute) => attribute == OwnerRecord.Attribute || AttributeRecord.IsOne(attribute);

    public override FileKind DiskTypeOf(FileKind kind) => IsDevice(kind) ? FileKind.File : kind;

    public override FileStat Translate(FileCalls calls, SafeFileHandle directory, FileName name, in FileStat disk)
    {
        if (disk is not { IsRegular: true, Size: 0 } || !OwnerRecord.TryRead(calls, directory, name, out var record) || record.Device is not { } kind)
        {
            return disk;
        }

        return disk with { RawMode = FileTypeBits.Of(kind) | (uint)disk.Permissions, DeviceMajor = record.Major, DeviceMinor = record.Minor };
    }

    public override int TryDescribe(FileCalls calls, SafeFileHandle directory, FileName name, in WantedStat wanted, int? madeAs)
    {
        var errno = TryRecord(calls, directory, name, wanted);
        return errno != 0 ? errno : base.TryDescribe(calls, directory, name, wanted, madeAs);
    }

    public override int TryDescribeNew(FileCalls calls, SafeFileHandle directory, FileName name, in WantedStat wanted)
    {
        var errno = TryRecord(calls, directory, name, wanted);
        return errno != 0 ? errno : base.TryDescribeNew(calls, directory, name, wanted);
    }

    private static int TryRecord(FileCalls calls, SafeFileHandle directory, FileName name, in WantedStat wanted)
    {
        if (!IsDevice(wanted.Kind))
        {
            return 0;
        }

        var record = new OwnerRecord(wanted.UserId, wanted.GroupId, wanted.Mode, wanted.Kind, wanted.DeviceMajor, wanted.DeviceMinor);
        return calls.TrySetAttribute(directory, name, OwnerRecord.Attribute, record.ToBytes());
    }

    private static bool IsDevice(FileKind kind) => kind is FileKind.CharacterDevice or FileKind.BlockDevice;
}
