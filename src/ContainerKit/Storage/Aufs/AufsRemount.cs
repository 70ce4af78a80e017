using ContainerKit.Linux;

namespace ContainerKit.Storage.Aufs;

/// <summary>What mount(8)'s <c>-o remount,…</c> makes of an AUFS union: branches come, go, and are treated otherwise. Pure: nothing is looked at on disk.</summary>
internal static class AufsRemount
{
    /// <summary>The options after a remount. Relative paths of branches begin at <paramref name="directory"/>.</summary>
    /// <param name="before">What the union was mounted with, and remounted since.</param>
    /// <param name="text"><c>append:PATH=PERMISSION</c>, <c>prepend:…</c>, <c>add:PLACE:…</c>, <c>del:PATH</c>, <c>mod:PATH=PERMISSION</c>, and the other options of a mount.</param>
    /// <param name="directory">Where relative paths begin.</param>
    /// <exception cref="ArgumentException">AUFS would answer EINVAL, or something is asked for that this union cannot do.</exception>
    /// <exception cref="LinuxException">A branch that is to go or to be treated otherwise is none (ENOENT), the last one would go (EBUSY), or there are too many (ENOSPC).</exception>
    public static AufsMountOptions Change(AufsMountOptions before, string text, string directory)
    {
        var (after, branches) = (before, before.Branches.ToList());
        foreach (var word in text.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var end = word.IndexOfAny([':', '=']);
            var (key, value) = end < 0 ? (word, "") : (word[..end], word[(end + 1)..]);
            switch (key)
            {
                case "remount":
                    break;
                case "append":
                    Add(branches, branches.Count, AufsMountOptions.Single(value), directory);
                    break;
                case "prepend":
                    Add(branches, 0, AufsMountOptions.Single(value), directory);
                    break;
                case "add" or "ins" when value.Split(':', 2) is [var place, var branch]:
                    Add(branches, AufsMountOptions.NumberOf(key, place), AufsMountOptions.Single(branch), directory);
                    break;
                case "br" or "dirs":
                    // What is there already stays, wherever that is.
                    var list = value.Split(':');
                    for (var i = 0; i < list.Length; i++)
                    {
                        Add(branches, i, list[i], directory);
                    }

                    break;
                case "del":
                    Delete(branches, value, directory);
                    break;
                case "mod":
                    var changed = AufsBranch.Parse(value, directory, isFirst: false);
                    branches[PlaceOf(branches, changed.Path)] = changed;
                    break;
                default:
                    after = after.WithWord(key, end < 0 ? null : value);
                    break;
            }
        }

        LinuxException.ThrowIf(branches.Count > AufsMountOptions.MaxBranches ? Errno.ENOSPC : 0, $"stack {branches.Count} branches");
        return after with { Branches = branches };
    }

    private static void Add(List<AufsBranch> branches, int place, string text, string directory)
    {
        var branch = AufsBranch.Parse(text, directory, isFirst: place == 0);
        if (!branches.Exists(each => each.Path == branch.Path))
        {
            branches.Insert(place <= branches.Count ? place : throw new ArgumentException($"There is no place {place} in the list of branches."), branch);
        }
    }

    private static void Delete(List<AufsBranch> branches, string path, string directory)
    {
        var place = PlaceOf(branches, Path.TrimEndingDirectorySeparator(Path.GetFullPath(path, directory)));
        if (branches.Count == 1)
        {
            throw new LinuxException(Errno.EBUSY, $"take away '{path}', which is the last branch");
        }

        branches.RemoveAt(place);
    }

    private static int PlaceOf(List<AufsBranch> branches, string path) => branches.FindIndex(each => each.Path == path) switch
    {
        -1 => throw new LinuxException(Errno.ENOENT, $"find a branch '{path}' in the union"),
        var place => place,
    };
}
