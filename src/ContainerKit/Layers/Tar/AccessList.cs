using System.Buffers.Binary;
using System.Text;

namespace ContainerKit.Layers.Tar;

/// <summary>
/// A POSIX access control list as GNU tar, star and bsdtar write it (<c>user::rwx,user:1000:r-x,group::r-x,mask::r-x,other::r--</c>), turned into the
/// attribute that Linux has. acl(5), "ACL text forms"; linux/posix_acl_xattr.h.
/// </summary>
internal static class AccessList
{
    private const int MaxEntries = 1024;
    private const uint NoId = uint.MaxValue;
    private const ushort UserOwner = 0x01, User = 0x02, GroupOwner = 0x04, Group = 0x08, Mask = 0x10, Other = 0x20;

    /// <summary>The attribute's value.</summary>
    /// <returns>Null when the list says no more than a mode does.</returns>
    /// <exception cref="FormatException">It makes no sense.</exception>
    /// <remarks>
    /// star and bsdtar add the number of each user and group; GNU tar has only the name that it had where the archive was made, unless that was a number. Who is
    /// meant by a name alone nobody knows elsewhere: such an entry is left out, and all others count.
    /// </remarks>
    public static byte[]? FromText(ReadOnlySpan<byte> text)
    {
        var entries = new SortedDictionary<(ushort Tag, uint Id), ushort>();
        foreach (var line in Encoding.UTF8.GetString(text).Split([',', '\n'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var entry = line.Split('#')[0].TrimEnd();
            if (entry.Length > 0 && Parse(entry) is var (tag, id, permissions) && !entries.TryAdd((tag, id), permissions))
            {
                throw new FormatException($"it has two entries for the same: '{entry}'");
            }

            if (entries.Count > MaxEntries)
            {
                throw new FormatException($"it has more than {MaxEntries} entries");
            }
        }

        if (!entries.ContainsKey((UserOwner, NoId)) || !entries.ContainsKey((GroupOwner, NoId)) || !entries.ContainsKey((Other, NoId)))
        {
            throw new FormatException("it says nothing about the owner, the group or all others");
        }

        var hasNames = entries.Keys.Any(key => key.Tag is User or Group);
        if (hasNames && !entries.ContainsKey((Mask, NoId)))
        {
            throw new FormatException("it has users or groups, and no mask");
        }

        return entries.Count == 3 ? null : Write(entries);
    }

    // The kernel wants them in the order of their tags, and of their ids.
    private static byte[] Write(SortedDictionary<(ushort Tag, uint Id), ushort> entries)
    {
        var value = new byte[4 + (8 * entries.Count)];
        BinaryPrimitives.WriteUInt32LittleEndian(value, 2);
        var at = 4;
        foreach (var ((tag, id), permissions) in entries)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(value.AsSpan(at), tag);
            BinaryPrimitives.WriteUInt16LittleEndian(value.AsSpan(at + 2), permissions);
            BinaryPrimitives.WriteUInt32LittleEndian(value.AsSpan(at + 4), id);
            at += 8;
        }

        return value;
    }

    private static (ushort Tag, uint Id, ushort Permissions)? Parse(string entry)
    {
        var fields = entry.Split(':');
        fields = fields[0] is "default" or "d" ? fields[1..] : fields;
        return fields switch
        {
            ["user" or "u", "", var permissions, ..] => (UserOwner, NoId, Permissions(permissions, entry)),
            ["group" or "g", "", var permissions, ..] => (GroupOwner, NoId, Permissions(permissions, entry)),
            ["mask" or "m", "", var permissions, ..] => (Mask, NoId, Permissions(permissions, entry)),
            ["mask" or "m", var permissions] => (Mask, NoId, Permissions(permissions, entry)),
            ["other" or "o", "", var permissions, ..] => (Other, NoId, Permissions(permissions, entry)),
            ["other" or "o", var permissions] => (Other, NoId, Permissions(permissions, entry)),
            ["user" or "u", var name, var permissions, .. var more] => Named(User, more is [var id, ..] ? id : name, permissions, entry),
            ["group" or "g", var name, var permissions, .. var more] => Named(Group, more is [var id, ..] ? id : name, permissions, entry),
            _ => throw new FormatException($"'{entry}' is no entry of one"),
        };
    }

    private static (ushort Tag, uint Id, ushort Permissions)? Named(ushort tag, string number, string permissions, string entry)
    {
        var bits = Permissions(permissions, entry);
        return uint.TryParse(number, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var id) && id != NoId ? (tag, id, bits) : null;
    }

    private static ushort Permissions(string text, string entry)
    {
        var bits = 0;
        foreach (var letter in text)
        {
            bits |= letter switch
            {
                'r' => 4,
                'w' => 2,
                'x' => 1,
                '-' => 0,
                _ => throw new FormatException($"'{entry}' has permissions that are none"),
            };
        }

        return (ushort)bits;
    }
}
