using System.Runtime.InteropServices;

namespace ContainerKit.Storage.Fuse;

/// <summary>struct fuse_setattr_in: which attributes to change, and to what.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct FuseAttributesChange
{
    private readonly Fields _valid;
    private readonly uint _padding;
    private readonly ulong _handle;
    private readonly ulong _size;
    private readonly ulong _lockOwner;
    private readonly long _accessSeconds;
    private readonly long _modifiedSeconds;
    private readonly long _changeSeconds;
    private readonly uint _accessNanoseconds;
    private readonly uint _modifiedNanoseconds;
    private readonly uint _changeNanoseconds;
    private readonly uint _mode;
    private readonly uint _unused4;
    private readonly uint _userId;
    private readonly uint _groupId;
    private readonly uint _unused5;

    [Flags]
    private enum Fields : uint
    {
        Mode = 1 << 0, UserId = 1 << 1, GroupId = 1 << 2, Size = 1 << 3, AccessTime = 1 << 4, ModifiedTime = 1 << 5, Handle = 1 << 6,
        AccessTimeNow = 1 << 7, ModifiedTimeNow = 1 << 8, ChangeTime = 1 << 10, KillSetId = 1 << 11,
    }

    private const Fields Changes =
        Fields.Mode | Fields.UserId | Fields.GroupId | Fields.Size | Fields.AccessTime | Fields.ModifiedTime | Fields.AccessTimeNow | Fields.ModifiedTimeNow;

    /// <summary>The open file through which it is changed, where there is one.</summary>
    public ulong? Handle => Has(Fields.Handle) ? _handle : null;

    public uint? Mode => Has(Fields.Mode) ? _mode : null;

    public uint? UserId => Has(Fields.UserId) ? _userId : null;

    public uint? GroupId => Has(Fields.GroupId) ? _groupId : null;

    public long? Size => Has(Fields.Size) ? (long)_size : null;

    /// <summary>The new time; null where it stays, or becomes <see cref="IsAccessTimeNow">now</see>.</summary>
    public UnixTime? AccessTime => Has(Fields.AccessTime) && !IsAccessTimeNow ? new UnixTime(_accessSeconds, (int)_accessNanoseconds) : null;

    /// <inheritdoc cref="AccessTime"/>
    public UnixTime? ModifiedTime => Has(Fields.ModifiedTime) && !IsModifiedTimeNow ? new UnixTime(_modifiedSeconds, (int)_modifiedNanoseconds) : null;

    public bool IsAccessTimeNow => Has(Fields.AccessTimeNow);

    public bool IsModifiedTimeNow => Has(Fields.ModifiedTimeNow);

    /// <summary>Whether set-ID bits and capabilities are taken away, with a change of size or alone. A change of owner always takes them, as chown(2) itself does.</summary>
    /// <remarks>A request that changes nothing is a chown(2) that names no owner, or a write past the server: both take them away.</remarks>
    public bool KillsPrivileges => Has(Fields.KillSetId) || !Has(Changes);

    private bool Has(Fields field) => (_valid & field) != 0;
}
