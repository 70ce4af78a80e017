using System.Text;
using System.Text.Json;

namespace ContainerKit.Tests.Linux.Storage.Aufs;

/// <summary>Puts into the branches what the scenario's file system found there: every object with its metadata and its times.</summary>
internal static class BranchBuilder
{
    // Every access time is so much later than the modification time.
    private const long AccessDelay = 500000;

    public static void Build(IReadOnlyList<ScenarioBranch> branches)
    {
        for (var number = 0; number < branches.Count; number++)
        {
            var branch = branches[number];
            Directory.CreateDirectory(branch.Path, (UnixFileMode)0b111_101_101);
            foreach (var entry in branch.Entries)
            {
                Make(branch.Path, entry);
            }
        }

        // At the very end: every object changes the time of the directory that it is made in.
        for (var number = 0; number < branches.Count; number++)
        {
            var branch = branches[number];
            SetTimes(branch.Path, (1000000000 + (1000 * number), 0));
            foreach (var entry in branch.Entries.Where(each => each.TryGetProperty("mt", out _)))
            {
                SetTimes(PathOf(branch.Path, entry), SecondsOf(RecordedTree.TimeOf(entry.GetProperty("mt"))));
            }
        }
    }

    private static void Make(string branch, JsonElement entry)
    {
        var path = PathOf(branch, entry);
        var mode = entry.TryGetProperty("m", out var text) ? Convert.ToUInt32(text.GetString(), 8) : 0;
        var kind = entry.GetProperty("t").GetString();
        switch (kind)
        {
            case "f":
                GuestFiles.WriteAll(path, default, GuestCalls.O_WRONLY | GuestCalls.O_CREAT | GuestCalls.O_EXCL, 0x1B6);
                WriteContent(path, entry.GetProperty("c"));
                break;
            case "d" when entry.GetProperty("p").GetString() != ".":
                GuestFiles.Checked(GuestCalls.mkdir(path, 0x1FF));
                break;
            case "l":
                GuestFiles.Checked(GuestCalls.symlink(entry.GetProperty("to").GetString()!, path));
                break;
            case "h":
                GuestFiles.Checked(GuestCalls.linkat(
                    GuestCalls.AT_FDCWD, $"{branch}/{entry.GetProperty("to").GetString()}", GuestCalls.AT_FDCWD, path, 0));
                return;
            case "p" or "c" or "b" or "s":
                GuestFiles.Checked(GuestCalls.mknod(path, TypeOf(kind) | 0x180, entry.TryGetProperty("rdev", out var device) ? DeviceOf(device) : 0));
                break;
        }

        if (entry.TryGetProperty("u", out _) || entry.TryGetProperty("g", out _))
        {
            // What has no owner of its own keeps the group that a set-group-ID directory gave it.
            GuestFiles.Checked(GuestCalls.lchown(path, IdOf(entry, "u"), IdOf(entry, "g")));
        }

        if (kind != "l")
        {
            GuestFiles.Checked(GuestCalls.chmod(path, mode));
        }

        if (entry.TryGetProperty("x", out var attributes))
        {
            foreach (var attribute in attributes.EnumerateObject())
            {
                GuestFiles.SetAttribute(path, attribute.Name, Encoding.Latin1.GetBytes(attribute.Value.GetString()!));
            }
        }

        if (entry.TryGetProperty("acl", out var acl))
        {
            GuestFiles.SetAttribute(path, AccessControlList.Access, AccessControlList.Encode(acl));
        }
    }

    public static uint TypeOf(string kind) => kind switch
    {
        "f" => GuestCalls.S_IFREG,
        "p" => GuestCalls.S_IFIFO,
        "c" => GuestCalls.S_IFCHR,
        "b" => GuestCalls.S_IFBLK,
        "s" => GuestCalls.S_IFSOCK,
        _ => throw new ArgumentException($"'{kind}' is no type of the scenarios.", nameof(kind)),
    };

    /// <summary>A device's number from its pair [major, minor].</summary>
    public static ulong DeviceOf(JsonElement pair) => ((ulong)pair[0].GetInt32() << 8) | (uint)pair[1].GetInt32();

    private static string PathOf(string branch, JsonElement entry) =>
        entry.GetProperty("p").GetString() is var path && path == "." ? branch : $"{branch}/{path}";

    private static int IdOf(JsonElement entry, string key) => entry.TryGetProperty(key, out var id) ? id.GetInt32() : 0;

    private static void WriteContent(string path, JsonElement content)
    {
        if (content.ValueKind == JsonValueKind.String)
        {
            File.WriteAllText(path, content.GetString());
            return;
        }

        var size = content[1].GetInt32();
        switch (content[0].GetString())
        {
            case "pat":
                File.WriteAllBytes(path, [.. Enumerable.Range(0, size).Select(i => (byte)((i * 7) + (i >> 8)))]);
                break;
            case "zero":
                File.WriteAllBytes(path, new byte[size]);
                break;
            case "sparse":
                using (var file = File.OpenWrite(path))
                {
                    file.SetLength(size);
                    foreach (var piece in content[2].EnumerateArray())
                    {
                        file.Position = piece[0].GetInt64();
                        file.Write(Encoding.UTF8.GetBytes(piece[1].GetString()!));
                    }
                }

                break;
            case var odd:
                throw new ArgumentException($"'{odd}' is no content of the scenarios.", nameof(content));
        }
    }

    private static (long Seconds, long Nanoseconds) SecondsOf(string time) =>
        time.Split('.') is [var seconds, var nanoseconds] ? (long.Parse(seconds), long.Parse(nanoseconds)) : (long.Parse(time), 0);

    private static unsafe void SetTimes(string path, (long Seconds, long Nanoseconds) time)
    {
        var times = stackalloc long[4] { time.Seconds + AccessDelay, time.Nanoseconds, time.Seconds, time.Nanoseconds };
        GuestFiles.Checked(GuestCalls.utimensat(GuestCalls.AT_FDCWD, path, times, GuestCalls.AT_SYMLINK_NOFOLLOW));
    }
}
