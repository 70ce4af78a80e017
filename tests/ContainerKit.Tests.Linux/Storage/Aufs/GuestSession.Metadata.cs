using System.Text.Json;

namespace ContainerKit.Tests.Linux.Storage.Aufs;

/// <content>Operations on what is known of an object: modes, owners, times, attributes.</content>
internal sealed partial class GuestSession
{
    private const long NanosecondsPerSecond = 1_000_000_000;

    private void AddMetadata()
    {
        _verbs["chmod"] = (op, _) => Done(GuestCalls.chmod(PathOf(op[1]), op[2].GetUInt32()));
        _verbs["chown"] = (op, _) => Done(GuestCalls.lchown(PathOf(op[1]), op[2].GetInt32(), op[3].GetInt32()));
        _verbs["truncate"] = (op, _) => Done(GuestCalls.truncate(PathOf(op[1]), op[2].GetInt64()));
        _verbs["touch"] = (op, _) => Touch(PathOf(op[1]));
        _verbs["utimens"] = (op, _) => SetTimes(PathOf(op[1]), op[2].GetInt64(), op[3].GetInt64());
        _verbs["access"] = (op, _) => GuestCalls.access(PathOf(op[1]), op[2].GetInt32()) == 0 ? "True" : "False";
        _verbs["setxattr"] = (op, _) => SetAttribute(op, BytesOf(op[3]), op[2].GetString()!);
        _verbs["setacl"] = (op, _) => SetAttribute(op, AccessControlList.Encode(op[2]), Has(op, 3) ? op[3].GetString()! : AccessControlList.Access);
        _verbs["getxattr"] = (op, _) => Convert.ToHexString(GuestFiles.ReadAttribute(PathOf(op[1]), op[2].GetString()!));
        _verbs["listxattr"] = (op, _) => Observation.OfNames(GuestFiles.ListAttributes(PathOf(op[1])));
        _verbs["removexattr"] = (op, _) => Done(GuestCalls.lremovexattr(PathOf(op[1]), op[2].GetString()!));
        _verbs["stat"] = (op, recorded) => Describe(GuestStat.Of(PathOf(op[1])), recorded);
        _verbs["fstat"] = (op, recorded) => Describe(GuestStat.Of(Descriptor(op[1])), recorded);
        _verbs["rawino"] = (op, _) => $"ino={GuestStat.Of(PathOf(op[1])).Inode}";
        _verbs["blocks"] = (op, _) => GuestStat.Of(PathOf(op[1])) is var stat ? $"sz={stat.Size} blk512={stat.Blocks}" : Nothing;
    }

    private static string SetAttribute(JsonElement operation, byte[] value, string name)
    {
        GuestFiles.SetAttribute(PathOf(operation[1]), name, value);
        return Nothing;
    }

    private static unsafe string Touch(string path) => Done(GuestCalls.utimensat(GuestCalls.AT_FDCWD, path, null, 0));

    private static unsafe string SetTimes(string path, long accessed, long modified)
    {
        var times = stackalloc long[4]
        {
            accessed / NanosecondsPerSecond, accessed % NanosecondsPerSecond, modified / NanosecondsPerSecond, modified % NanosecondsPerSecond,
        };
        return Done(GuestCalls.utimensat(GuestCalls.AT_FDCWD, path, times, GuestCalls.AT_SYMLINK_NOFOLLOW));
    }

    private string Describe(GuestStat stat, JsonElement recorded)
    {
        var symbol = recorded.ValueKind == JsonValueKind.Object && recorded.TryGetProperty("ino", out var inode) ? inode.GetString() : null;
        return Observation.OfStat(
            stat, _now, _inodes.SymbolOf(stat.Device, stat.Inode, symbol), stat.Device == GuestStat.Of(MountPoint).Device);
    }
}
