using System.Text.Json;

namespace ContainerKit.Tests.Linux.Storage.Aufs;

/// <content>Operations on names: making, linking, renaming, removing.</content>
internal sealed partial class GuestSession
{
    private const uint AnyoneReadsAndWrites = 0x1B6, AnyoneDoesAnything = 0x1FF;

    private static readonly TimeSpan TimeForForget = TimeSpan.FromMilliseconds(20);

    private void AddNames()
    {
        _verbs["put"] = (op, _) => Write(op, GuestCalls.O_WRONLY | GuestCalls.O_CREAT | GuestCalls.O_TRUNC);
        _verbs["creat"] = (op, _) => Write(op, GuestCalls.O_WRONLY | GuestCalls.O_CREAT | GuestCalls.O_EXCL);
        _verbs["rawmk"] = _verbs["put"];
        _verbs["mkdir"] = (op, _) => Done(GuestCalls.mkdir(PathOf(op[1]), ModeOf(op, 2, AnyoneDoesAnything)));
        _verbs["rmdir"] = (op, _) => Done(GuestCalls.rmdir(PathOf(op[1])));
        _verbs["unlink"] = (op, _) => Unlink(PathOf(op[1]));
        _verbs["rename"] = (op, _) => Done(GuestCalls.rename(PathOf(op[1]), PathOf(op[2])));
        _verbs["rename2"] = (op, _) => Done(GuestCalls.renameat2(
            GuestCalls.AT_FDCWD, PathOf(op[1]), GuestCalls.AT_FDCWD, PathOf(op[2]), RenameFlag(op[3].GetString()!)));
        _verbs["link"] = (op, _) => Done(GuestCalls.linkat(GuestCalls.AT_FDCWD, PathOf(op[1]), GuestCalls.AT_FDCWD, PathOf(op[2]), 0));
        _verbs["symlink"] = (op, _) => Done(GuestCalls.symlink(op[1].GetString()!, PathOf(op[2])));
        _verbs["mknod"] = MakeNode;
        _verbs["bind"] = (op, _) => BindSocket(PathOf(op[1]));
    }

    // AUFS frees an inode before unlink(2) returns, and the next file gets its number. A server hears of it only then, by a FORGET that
    // nobody waits for.
    private static string Unlink(string path)
    {
        var result = Done(GuestCalls.unlink(path));
        Thread.Sleep(TimeForForget);
        return result;
    }

    private static string Write(JsonElement operation, int flags)
    {
        var content = Has(operation, 2) ? BytesOf(operation[2]) : [];
        GuestFiles.WriteAll(PathOf(operation[1]), content, flags, ModeOf(operation, 3, AnyoneReadsAndWrites));
        return Nothing;
    }

    private static string MakeNode(JsonElement operation, JsonElement recorded)
    {
        var device = Has(operation, 4) ? BranchBuilder.DeviceOf(operation[4]) : 0;
        return Done(GuestCalls.mknod(
            PathOf(operation[1]), BranchBuilder.TypeOf(operation[2].GetString()!) | ModeOf(operation, 3, AnyoneReadsAndWrites), device));
    }

    private static string BindSocket(string path)
    {
        // A socket of .NET's own would take its name away when it is closed.
        var socket = (int)GuestFiles.Checked(GuestCalls.socket(1, 1, 0));
        var address = new byte[110];
        address[0] = 1;
        System.Text.Encoding.UTF8.GetBytes(path).CopyTo(address, 2);
        try
        {
            return Done(GuestCalls.bind(socket, address, address.Length));
        }
        finally
        {
            _ = GuestCalls.close(socket);
        }
    }

    private static uint ModeOf(JsonElement operation, int argument, uint usual) =>
        Has(operation, argument) ? operation[argument].GetUInt32() : usual;

    private static uint RenameFlag(string name) => name switch
    {
        "NOREPLACE" => 1,
        "EXCHANGE" => 2,
        "WHITEOUT" => 4,
        _ => throw new ArgumentException($"'{name}' is no flag of renameat2.", nameof(name)),
    };
}
