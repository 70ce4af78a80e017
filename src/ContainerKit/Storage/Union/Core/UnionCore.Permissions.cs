using System.Buffers.Binary;
using ContainerKit.Linux;

namespace ContainerKit.Storage.Union.Core;

// AUFS without dirperm1 lets into a directory only whom the directories of all branches let in. The kernel checks access by itself, and asks for
// nothing but the mode that everybody sees and an ACL: so it is an ACL that says what is left when all have been asked.
internal sealed partial class UnionCore
{
    private const int Version = 2, HeadSize = 4, EntrySize = 8, WriteRight = 2, All = 7;
    private const ushort OwnerTag = 1, UserTag = 2, OwningGroupTag = 4, GroupTag = 8, MaskTag = 0x10, OtherTag = 0x20;

    private static ReadOnlySpan<byte> AccessAcl => "system.posix_acl_access"u8;

    /// <summary>The ACL that stands for the modes of all directories that one is merged from.</summary>
    /// <returns>0, or ENODATA where the topmost one's mode says it all.</returns>
    private int GetCommonAcl(DirectoryInode directory, Span<byte> value, out int length)
    {
        length = 0;
        var errno = PartsOf(directory, out var parts);
        if (errno != 0 || parts.Count == 1)
        {
            return errno != 0 ? errno : Errno.ENODATA;
        }

        var stats = new List<FileStat>();
        foreach (var part in parts)
        {
            errno = _calls.TryStat(part.Handle, default, out var disk);
            if (errno != 0)
            {
                return errno;
            }

            stats.Add(_ownership.Translate(_calls, part.Handle, default, disk));
        }

        var entries = EntriesOf(stats[0], stats[1..]);
        if (entries is null)
        {
            return Errno.ENODATA;
        }

        length = HeadSize + (entries.Count * EntrySize);
        return value.IsEmpty ? 0 : value.Length < length ? Errno.ERANGE : WriteTo(value, entries);
    }

    private static List<AclEntry>? EntriesOf(in FileStat top, List<FileStat> lower)
    {
        var (owner, group) = (top.UserId, top.GroupId);
        var (ofGroup, ofOthers) = ((top.Permissions >> 3) & All, top.Permissions & All);
        var users = lower.Select(each => each.UserId).Where(id => id != owner).Distinct().Order().ToList();
        var groups = lower.Select(each => each.GroupId).Where(id => id != group).Distinct().Order().ToList();
        var left = (Group: Left(ofGroup, null, group), Others: Left(ofOthers, null, null));
        var named = users.Select(id => new AclEntry(UserTag, Left(ofGroup & ofOthers, id, null), id))
            .Concat(groups.Select(id => new AclEntry(GroupTag, Left(ofOthers, null, id), id))).ToList();
        if (left == (ofGroup, ofOthers) && named.TrueForAll(each => each.Permissions == ofOthers && ofGroup == ofOthers))
        {
            return null;
        }

        return [
            new AclEntry(OwnerTag, (top.Permissions >> 6) & All),
            .. named.Where(each => each.Tag == UserTag),
            new AclEntry(OwningGroupTag, left.Group),
            .. named.Where(each => each.Tag == GroupTag),
            new AclEntry(MaskTag, All),
            new AclEntry(OtherTag, left.Others)];

        // Only the topmost directory is ever written to.
        int Left(int permissions, uint? user, uint? member) => lower.Aggregate(
            permissions, (rest, each) => rest & (WriteRight | (each.Permissions >> (each.UserId == user ? 6 : each.GroupId == member ? 3 : 0))));
    }

    private static int WriteTo(Span<byte> value, List<AclEntry> entries)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(value, Version);
        for (var i = 0; i < entries.Count; i++)
        {
            var place = value[(HeadSize + (i * EntrySize))..];
            BinaryPrimitives.WriteUInt16LittleEndian(place, entries[i].Tag);
            BinaryPrimitives.WriteUInt16LittleEndian(place[2..], (ushort)entries[i].Permissions);
            BinaryPrimitives.WriteUInt32LittleEndian(place[4..], entries[i].Id);
        }

        return 0;
    }

    private sealed record AclEntry(ushort Tag, int Permissions, uint Id = uint.MaxValue);
}
