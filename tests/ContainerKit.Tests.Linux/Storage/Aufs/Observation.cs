using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace ContainerKit.Tests.Linux.Storage.Aufs;

/// <summary>What an operation showed, and the record of it, as texts that are equal when both mean the same.</summary>
internal static partial class Observation
{
    /// <summary>The record's value in the words that this replay uses.</summary>
    public static string OfRecord(string verb, JsonElement value) => (verb, value.ValueKind) switch
    {
        (_, JsonValueKind.Undefined) => "",
        ("cat" or "read" or "pread" or "mread" or "getxattr" or "readlink" or "fdlink", _) => RecordedTree.BytesOf(value.GetString()!),
        ("ls" or "listxattr" or "lstype" or "maps", _) => OfNames(value.EnumerateArray().Select(each => each.GetString()!)),
        ("stat" or "fstat", _) => OfStat(value),
        ("dents", _) => OfNames(value.EnumerateArray().Select(each => $"{each[0]}/{each[1]}/{each[2]}")),
        ("dentscmp", _) => OfNames(value.EnumerateArray().Select(each => $"{each[0]}/{each[1]}/{each[2]}")),
        ("procmounts", _) => OfNames(value.EnumerateArray().Select(each => MountFlags(each.GetString()!))),
        ("exec", _) => OfProgram(value.GetProperty("rc").GetInt32(), value.GetProperty("out").GetString()!),
        (_, JsonValueKind.Object) => string.Join(' ', value.EnumerateObject().Select(each => $"{each.Name}={each.Value}")),
        _ => value.ToString(),
    };

    /// <summary>Names in no particular order: it is the order of the branches' own hash tables.</summary>
    public static string OfNames(IEnumerable<string> names) =>
        string.Join(' ', names.Select(each => PseudoLink().Replace(each, "*")).Order(StringComparer.Ordinal));

    /// <summary>What a program ended with and wrote, without dates, and without sizes and counts of directories.</summary>
    public static string OfProgram(int exitCode, string output)
    {
        var lines = output.Split('\n').Where(line => !line.StartsWith("total ", StringComparison.Ordinal)).Select(line =>
            LongListing().Replace(line, match => match.Groups["kind"].Value == "d"
                ? $"{match.Groups["mode"]} {match.Groups["name"]}"
                : $"{match.Groups["mode"]} {match.Groups["links"]} {match.Groups["owner"]} {match.Groups["size"]} {match.Groups["name"]}"));
        var ordered = lines.Where(line => !IsAboutName(line)).Concat(lines.Where(IsAboutName).Order(StringComparer.Ordinal));
        return $"{exitCode}: {string.Join('\n', ordered)}";

        // It says one after the other which names it cannot use, in the order of the directory's own hash table.
        static bool IsAboutName(string line) => line.StartsWith("ls: ", StringComparison.Ordinal);
    }

    /// <summary>The flags of a line of /proc/mounts that belong to the kernel and not to a file system's type.</summary>
    public static string MountFlags(string line) => string.Join(',', line.Split(' ')[3].Split(',')
        .Where(flag => flag is "ro" or "rw" or "nosuid" or "nodev" or "noexec" or "noatime" or "relatime"));

    // A directory's link count is a sum over branches in AUFS, and has no meaning.
    private static string OfStat(JsonElement value) => string.Join(' ', value.EnumerateObject()
        .Where(each => each.Name != "nl" || value.GetProperty("t").GetString() != "d")
        .Select(each => $"{each.Name}={(each.Name is "mt" or "at" or "ct" ? RecordedTree.TimeOf(each.Value) : each.Value.ToString())}")
        .Order(StringComparer.Ordinal));

    /// <inheritdoc cref="OfStat(JsonElement)"/>
    public static string OfStat(GuestStat stat, long now, string inode, bool isInMount)
    {
        List<string> words = [
            $"t={stat.Kind}", $"m={stat.Permissions}", $"ug={stat.Owner}", $"mt={stat.ModifiedTime(now)}", $"at={stat.AccessTime(now)}",
            $"ct={stat.ChangeTime(now)}", $"ino={inode}", $"dev={(isInMount ? "mnt" : "other")}"];
        if (stat.Kind != "d")
        {
            words.Add(string.Create(CultureInfo.InvariantCulture, $"nl={stat.Links}"));
            words.Add(string.Create(CultureInfo.InvariantCulture, $"sz={stat.Size}"));
        }

        if (stat.Kind is "c" or "b")
        {
            words.Add($"rdev={stat.RawDevice}");
        }

        return string.Join(' ', words.Order(StringComparer.Ordinal));
    }

    [GeneratedRegex(@"^\d+\.\d+$")]
    private static partial Regex PseudoLink();

    // drwxr-xr-x    2 0        0             4096 Nov 23 22:33 .
    [GeneratedRegex(@"^(?<mode>(?<kind>[-dlpscb])[rwxsStT-]{9}) +(?<links>\d+) +(?<owner>\w+ +\w+) +(?<size>\d+(, +\d+)?) +\w+ +\d+ +[\d:]+ (?<name>.*)$")]
    private static partial Regex LongListing();
}
