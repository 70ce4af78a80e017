using System.Text.Json;
using System.Text.RegularExpressions;

namespace ContainerKit.Tests.Linux.Storage.Aufs;

/// <content>Operations that look: listings, contents, the file system as a whole, and dumps of branches.</content>
internal sealed partial class GuestSession
{
    private void AddListings()
    {
        _verbs["ls"] = (op, _) => Observation.OfNames(NamesIn(op).Select(each => each.Name).Where(name => name is not ("." or "..")));
        _verbs["lstype"] = (op, _) => GuestStat.Of(PathOf(op[1])).Kind;
        _verbs["dents"] = Entries;
        _verbs["dentscmp"] = CompareEntries;
        _verbs["cat"] = (op, _) => Convert.ToHexString(GuestFiles.ReadAll(PathOf(op[1])));
        _verbs["readlink"] = (op, _) => Convert.ToHexString(System.Text.Encoding.UTF8.GetBytes(GuestFiles.ReadLink(PathOf(op[1]))));
        _verbs["maps"] = (_, _) => Observation.OfNames(PathInMount().Matches(File.ReadAllText("/proc/self/maps")).Select(each => each.Value).Distinct());
        _verbs["statfs"] = (op, _) => FileSystemOf(PathOf(op[1]));
        _verbs["fpathconf"] = (op, _) => $"{GuestFiles.Checked(GuestCalls.pathconf(PathOf(op[1]), GuestCalls.PC_NAME_MAX))}";
        _verbs["procmounts"] = (_, _) => Observation.OfNames(File.ReadLines("/proc/thread-self/mounts")
            .Where(line => line.Split(' ')[1] == MountPoint).Select(Observation.MountFlags));
        _verbs["dumpbr"] = DumpBranches;
    }

    private static IReadOnlyList<GuestName> NamesIn(JsonElement operation) => GuestFiles.List(PathOf(operation[1]));

    private static unsafe string FileSystemOf(string path)
    {
        var fields = stackalloc long[15];
        Done(GuestCalls.statfs(path, (byte*)fields));
        return $"namemax={fields[8]} bsize={fields[1]}";
    }

    private string Entries(JsonElement operation, JsonElement recorded)
    {
        var symbols = recorded.EnumerateArray().ToDictionary(each => each[0].GetString()!, each => each[2].GetString());
        var device = GuestStat.Of(PathOf(operation[1])).Device;
        return Observation.OfNames(NamesIn(operation).Select(each =>
            $"{each.Name}/{each.Kind}/{_inodes.SymbolOf(device, each.Inode, symbols.GetValueOrDefault(each.Name))}"));
    }

    private static string CompareEntries(JsonElement operation, JsonElement recorded)
    {
        var path = PathOf(operation[1]);
        return Observation.OfNames(NamesIn(operation).Select(each =>
            $"{each.Name}/{each.Kind}/{GuestStat.Of($"{path}/{each.Name}").Inode == each.Inode}"));
    }

    // The record holds whole trees; what differs is what is observed.
    private string DumpBranches(JsonElement operation, JsonElement recorded)
    {
        var reader = new TreeReader(_now);
        return string.Join('\n', recorded.EnumerateArray().SelectMany(branch =>
        {
            var path = branch[0].GetString()!;
            return RecordedTree.OfRecord(branch.EnumerateArray().Skip(1)).DifferencesOf(reader.Read(path), path);
        }));
    }

    // This process's own libraries may be mapped from the root that the scenario's place is made from, which lies deeper.
    [GeneratedRegex("/mnt/[^/\\n]+$", RegexOptions.Multiline)]
    private static partial Regex PathInMount();
}
