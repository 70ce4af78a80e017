using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace ContainerKit.Tests.Linux.Storage.Aufs;

/// <summary>
/// A tree as the scenarios record it: for each path what is known of it, as words that can be compared. What has no meaning outside
/// the recording is taken out on both sides: numbers in names, link counts of directories and of whiteouts.
/// </summary>
internal sealed partial class RecordedTree
{
    private readonly SortedDictionary<string, SortedDictionary<string, string>> _entries = new(StringComparer.Ordinal);

    /// <summary>How many entries were left out of the record, at its end.</summary>
    private int _omitted;

    private RecordedTree(IEnumerable<(string Path, SortedDictionary<string, string> Facts)> entries)
    {
        var all = entries.OrderBy(each => NumbersOfPseudoLink().IsMatch(each.Path) ? each.Facts.GetValueOrDefault("data") : "", StringComparer.Ordinal).ToList();
        var places = new Dictionary<string, string>();
        foreach (var (path, facts) in all)
        {
            // The name is made of two inode numbers; among several, what they are tells which is which.
            var place = NumbersOfPseudoLink().Replace(path, "/*");
            place = NumberOfTemporaryName().Replace(place, ".*");
            if (facts.ContainsKey("err") && place.EndsWith(".*", StringComparison.Ordinal))
            {
                continue; // A directory that was just being removed.
            }

            var name = place[(place.LastIndexOf('/') + 1)..];
            if (facts.GetValueOrDefault("t") == "d" || name.StartsWith(".wh.", StringComparison.Ordinal))
            {
                facts.Remove("nl");
            }

            for (var number = 1; _entries.ContainsKey(place); number++)
            {
                place = $"{place.Split('#')[0]}#{number}";
            }

            places[path] = place;
            _entries[place] = facts;
        }

        foreach (var group in all.Where(each => each.Facts.ContainsKey("hl")).GroupBy(each => each.Facts["hl"]).ToList())
        {
            var members = group.Select(each => places[each.Path]).Order(StringComparer.Ordinal).ToList();
            foreach (var (_, facts) in group)
            {
                facts.Remove("hl");
                if (members.Count > 1)
                {
                    facts["hl"] = string.Join(' ', members);
                }
            }
        }
    }

    public static RecordedTree OfRecord(IEnumerable<JsonElement> entries)
    {
        var listed = entries.ToList();
        var note = listed.Find(each => each.TryGetProperty("note", out _));
        return new RecordedTree(listed.Where(each => each.TryGetProperty("p", out _)).Select(each => (each.GetProperty("p").GetString()!, FactsOf(each))))
        {
            _omitted = note.ValueKind == JsonValueKind.Undefined
                ? 0
                : int.Parse(note.GetProperty("note").GetString()!.Split(' ')[0], CultureInfo.InvariantCulture),
        };
    }

    public static RecordedTree OfFacts(IEnumerable<(string Path, SortedDictionary<string, string> Facts)> entries) => new(entries);

    /// <summary>Text of the record as bytes, in hexadecimal digits: it writes what is no text as <c>hex:…</c>.</summary>
    public static string BytesOf(string text) => text.StartsWith("hex:", StringComparison.Ordinal)
        ? text[4..].ToUpperInvariant()
        : Convert.ToHexString(Encoding.UTF8.GetBytes(text));

    /// <summary>A time of the record, which is a number of seconds, or a text, or "now".</summary>
    public static string TimeOf(JsonElement time) => time.ValueKind == JsonValueKind.String ? time.GetString()! : time.GetRawText();

    /// <summary>What is otherwise in another tree; each as a sentence.</summary>
    public IEnumerable<string> DifferencesOf(RecordedTree other, string where)
    {
        var last = _omitted > 0 ? _entries.Last().Key : null;
        var extra = other._entries.Keys.Where(path => !_entries.ContainsKey(path)).ToList();
        var beyond = last is null ? 0 : extra.Count(path => string.CompareOrdinal(path, last) > 0);
        foreach (var path in last is null ? extra : extra.Where(path => string.CompareOrdinal(path, last) <= 0))
        {
            yield return $"{where}: {path} is there, and was not: {Words(other._entries[path])}";
        }

        if (beyond != _omitted)
        {
            yield return $"{where}: {beyond} further entries, and there were {_omitted}";
        }

        foreach (var (path, recorded) in _entries)
        {
            if (!other._entries.TryGetValue(path, out var ours))
            {
                yield return $"{where}: {path} is not there, and was: {Words(recorded)}";
                continue;
            }

            foreach (var fact in recorded.Keys.Union(ours.Keys).Where(fact => recorded.GetValueOrDefault(fact) != ours.GetValueOrDefault(fact)))
            {
                yield return $"{where}: {path}: {fact} is {ours.GetValueOrDefault(fact, "absent")}, and was {recorded.GetValueOrDefault(fact, "absent")}";
            }
        }
    }

    private static SortedDictionary<string, string> FactsOf(JsonElement entry)
    {
        var facts = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var property in entry.EnumerateObject().Where(each => each.Name != "p"))
        {
            facts[property.Name] = property.Name switch
            {
                "mt" or "at" => TimeOf(property.Value),
                "data" => BytesOf(property.Value.GetString()!),
                "x" => string.Join(' ', property.Value.EnumerateObject().OrderBy(each => each.Name, StringComparer.Ordinal)
                    .Select(each => $"{each.Name}={BytesOf(each.Value.GetString()!)}")),
                _ => property.Value.ToString(),
            };
        }

        return facts;
    }

    private static string Words(SortedDictionary<string, string> facts) => string.Join(' ', facts.Select(each => $"{each.Key}={each.Value}"));

    [GeneratedRegex(@"(?<=^\.wh\.\.wh\.plnk)/\d+\.\d+$")]
    private static partial Regex NumbersOfPseudoLink();

    [GeneratedRegex(@"(?<=(^|/)\.wh\.\.wh\.[^/]+)\.[0-9a-f]{4}(?=/|$)")]
    private static partial Regex NumberOfTemporaryName();
}
