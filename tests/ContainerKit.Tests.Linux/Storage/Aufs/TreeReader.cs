using System.Globalization;
using System.Security.Cryptography;

namespace ContainerKit.Tests.Linux.Storage.Aufs;

/// <summary>Reads a whole tree as the recorder did: a branch by its own path, or the merged one through the mount.</summary>
/// <param name="now">Times from this second on are set during the run.</param>
internal sealed class TreeReader(long now)
{
    // The recorder kept longer contents as a hash.
    private const int LongestShownContent = 80;

    public RecordedTree Read(string root)
    {
        var entries = new List<(string, SortedDictionary<string, string>)>();
        Add(root, ".", entries);
        return RecordedTree.OfFacts(entries);
    }

    private void Add(string root, string path, List<(string Path, SortedDictionary<string, string> Facts)> entries)
    {
        var place = path == "." ? root : $"{root}/{path}";
        var facts = new SortedDictionary<string, string>(StringComparer.Ordinal);
        entries.Add((path, facts));
        try
        {
            Describe(place, facts);
            if (facts["t"] != "d")
            {
                return;
            }

            foreach (var child in GuestFiles.List(place).Select(each => each.Name).Where(name => name is not ("." or "..")).Order(StringComparer.Ordinal))
            {
                Add(root, path == "." ? child : $"{path}/{child}", entries);
            }
        }
        catch (GuestException e)
        {
            facts["err"] = e.Message;
        }
    }

    private void Describe(string place, SortedDictionary<string, string> facts)
    {
        var stat = GuestStat.Of(place);
        var (modified, accessed) = (stat.ModifiedTime(now), stat.AccessTime(now));
        (facts["t"], facts["mt"]) = (stat.Kind, modified);
        facts["m"] = stat.Permissions;
        AddUnless(facts, "ug", stat.Owner, "0:0");
        AddUnless(facts, "at", accessed, modified);
        AddUnless(facts, "nl", stat.Links.ToString(CultureInfo.InvariantCulture), "1");
        if (stat.Links > 1 && stat.Kind != "d")
        {
            facts["hl"] = $"{stat.Device}/{stat.Inode}";
        }

        switch (stat.Kind)
        {
            case "f":
                DescribeContent(place, stat, facts);
                break;
            case "l":
                facts["to"] = GuestFiles.ReadLink(place);
                break;
            case "c" or "b":
                facts["rdev"] = stat.RawDevice;
                break;
        }

        DescribeAttributes(place, facts);
    }

    private static void DescribeContent(string place, GuestStat stat, SortedDictionary<string, string> facts)
    {
        facts["sz"] = stat.Size.ToString(CultureInfo.InvariantCulture);
        var content = GuestFiles.ReadAll(place);
        if (content.Length <= LongestShownContent)
        {
            facts["data"] = Convert.ToHexString(content);
            return;
        }

#pragma warning disable CA5350 // The recorder chose SHA-1; nothing is protected by it.
        facts["sha1"] = Convert.ToHexStringLower(SHA1.HashData(content));
#pragma warning restore CA5350
        facts["blk512"] = stat.Blocks.ToString(CultureInfo.InvariantCulture);
    }

    private static void DescribeAttributes(string place, SortedDictionary<string, string> facts)
    {
        try
        {
            var attributes = GuestFiles.ListAttributes(place).Order(StringComparer.Ordinal)
                .Select(name => $"{name}={Convert.ToHexString(GuestFiles.ReadAttribute(place, name))}").ToList();
            AddUnless(facts, "x", string.Join(' ', attributes), "");
        }
        catch (GuestException e)
        {
            facts["xerr"] = e.Message;
        }
    }

    private static void AddUnless(SortedDictionary<string, string> facts, string fact, string value, string usual)
    {
        if (value != usual)
        {
            facts[fact] = value;
        }
    }
}
