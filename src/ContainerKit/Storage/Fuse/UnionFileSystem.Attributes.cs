using ContainerKit.Linux;
using ContainerKit.Storage.Union.Core;

namespace ContainerKit.Storage.Fuse;

// Attributes, extended ones, and those of the file system.
internal sealed partial class UnionFileSystem
{
    public override int GetAttributes(in FuseRequest request, ulong node, ulong? handle, bool needsBirthTime, out FuseAttributesReply reply)
    {
        reply = default;
        if (union.Find(node) is not { } inode)
        {
            return Errno.ESTALE;
        }

        var errno = union.GetAttributes(inode, out var stat);
        return errno != 0 ? errno : Answer(inode, stat, ref reply);
    }

    public override int SetAttributes(in FuseRequest request, ulong node, in FuseAttributesChange change, out FuseAttributesReply reply)
    {
        reply = default;
        if (union.Find(node) is not { } inode)
        {
            return Errno.ESTALE;
        }

        var wanted = new AttributesChange
        {
            Mode = change.Mode,
            UserId = change.UserId,
            GroupId = change.GroupId,
            Size = change.Size,
            AccessTime = change.IsAccessTimeNow ? FileCalls.Now : change.AccessTime,
            ModifiedTime = change.IsModifiedTimeNow ? FileCalls.Now : change.ModifiedTime,
            KillsPrivileges = change.KillsPrivileges,
        };
        var errno = union.SetAttributes(inode, wanted, out var stat);
        return errno != 0 ? errno : Answer(inode, stat, ref reply);
    }

    public override int GetStatistics(in FuseRequest request, ulong node, out FuseStatistics statistics)
    {
        statistics = default;
        var errno = union.GetSpace(out var space);
        if (errno != 0)
        {
            return errno;
        }

        statistics = new FuseStatistics
        {
            Blocks = space.Blocks,
            BlocksFree = space.BlocksFree,
            BlocksAvailable = space.BlocksAvailable,
            Files = space.Files,
            FilesFree = space.FilesFree,
            BlockSize = space.BlockSize,
            FragmentSize = space.FragmentSize,
            NameLength = space.NameLength,
        };
        return 0;
    }

    public override int SetExtendedAttribute(
        in FuseRequest request, ulong node, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, int flags, bool killsSetGroupId) =>
        IsRemount(node, name) ? Remount(value)
        : union.Find(node) is { } inode ? union.SetExtendedAttribute(inode, name, value, flags, killsSetGroupId)
        : Errno.ESTALE;

    public override int GetExtendedAttribute(in FuseRequest request, ulong node, ReadOnlySpan<byte> name, Span<byte> value, out int length)
    {
        length = 0;
        return union.Find(node) is { } inode ? union.GetExtendedAttribute(inode, name, value, out length) : Errno.ESTALE;
    }

    public override int ListExtendedAttributes(in FuseRequest request, ulong node, Span<byte> names, out int length)
    {
        length = 0;
        return union.Find(node) is { } inode ? union.ListExtendedAttributes(inode, request.UserId is 0 or uint.MaxValue, names, out length) : Errno.ESTALE;
    }

    public override int RemoveExtendedAttribute(in FuseRequest request, ulong node, ReadOnlySpan<byte> name) =>
        union.Find(node) is { } inode ? union.RemoveExtendedAttribute(inode, name) : Errno.ESTALE;

    private int Answer(Inode inode, in FileStat stat, ref FuseAttributesReply reply)
    {
        reply.Attributes = FuseAttributes.From(stat, inode.Number);
        reply.Valid = Validity;
        return 0;
    }
}
