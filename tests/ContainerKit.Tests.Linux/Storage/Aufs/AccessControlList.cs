using System.Buffers.Binary;
using System.Text.Json;

namespace ContainerKit.Tests.Linux.Storage.Aufs;

/// <summary>A scenario's list of who may do what, as the kernel keeps it in an attribute. acl(5), linux/posix_acl_xattr.h</summary>
internal static class AccessControlList
{
    public const string Access = "system.posix_acl_access";

    public static byte[] Encode(JsonElement list)
    {
        var value = new byte[4 + (8 * list.GetArrayLength())];
        BinaryPrimitives.WriteUInt32LittleEndian(value, 2);
        var rest = value.AsSpan(4);
        foreach (var entry in list.EnumerateArray())
        {
            BinaryPrimitives.WriteUInt16LittleEndian(rest, TagOf(entry[0].GetString()!));
            BinaryPrimitives.WriteUInt16LittleEndian(rest[2..], (ushort)entry[1].GetInt32());
            BinaryPrimitives.WriteUInt32LittleEndian(rest[4..], entry[2].ValueKind == JsonValueKind.Null ? uint.MaxValue : entry[2].GetUInt32());
            rest = rest[8..];
        }

        return value;
    }

    private static ushort TagOf(string name) => name switch
    {
        "USER_OBJ" => 0x01,
        "USER" => 0x02,
        "GROUP_OBJ" => 0x04,
        "GROUP" => 0x08,
        "MASK" => 0x10,
        "OTHER" => 0x20,
        _ => throw new ArgumentException($"'{name}' is no tag of a list.", nameof(name)),
    };
}
