using System.Text;

namespace ContainerKit.Storage.Aufs;

/// <summary>
/// How the kernel's aufs is asked for a stack of branches: as many as fit with the mount itself, the rest appended by remounts. A pure
/// function; mount(2) takes one page of text.
/// </summary>
internal static class AufsMountPlan
{
    private const int LongestText = 4095;

    // The whiteouts of read-only branches count only with +wh.
    private const string Writable = "=rw", ReadOnly = "=ro+wh";

    // As docker gave them: the table of inode numbers in memory, and the permissions of the topmost directory alone.
    private static readonly string[] Settings = ["dio", "xino=/dev/shm/aufs.xino", "dirperm1"];

    /// <summary>Plans the mounts.</summary>
    /// <param name="mountPoint">A directory that none of the branches is below, to attach it to.</param>
    /// <param name="upper">The writable branch; null for none.</param>
    /// <param name="lower">The read-only branches, the topmost first.</param>
    /// <exception cref="StorageException">A path cannot be given to aufs, or there are too many branches.</exception>
    public static IReadOnlyList<Mount> Of(string mountPoint, string? upper, IReadOnlyList<string> lower)
    {
        var branches = new Queue<string>([.. upper is null ? (string[])[] : [upper + Writable], .. lower.Select(path => path + ReadOnly)]);
        if (branches.Count > 127)
        {
            throw new StorageException($"Cannot mount {branches.Count} layers with aufs: it takes 127 branches.");
        }

        foreach (var path in lower.Prepend(upper ?? "/"))
        {
            if (WhyUnusable(path) is { } reason)
            {
                throw new StorageException($"Cannot mount '{path}' with aufs: {reason}");
            }
        }

        var room = LongestText - LengthOf(string.Join(',', Settings)) - 1;
        var first = new StringBuilder("br:").Append(branches.Dequeue());
        while (branches.TryPeek(out var next) && LengthOf($"{first}:{next}") <= room)
        {
            first.Append(':').Append(branches.Dequeue());
        }

        string[] flags = upper is null ? ["ro"] : [];
        var mounts = new List<Mount> { new("aufs", mountPoint, "/", [first.ToString(), .. Settings, .. flags]) };
        while (branches.Count > 0)
        {
            mounts.Add(new Mount("remount", mountPoint, "/", [.. Fitting(branches), .. flags]));
        }

        return mounts;
    }

    /// <summary>Why aufs cannot be given a path; null when it can. Nothing escapes these characters in its options.</summary>
    public static string? WhyUnusable(string path) =>
        path.AsSpan().IndexOfAny(",:=") is >= 0 and var at ? $"it has a '{path[at]}', which aufs takes for a part of its options."
        : LengthOf(path) > LongestText - 128 ? "it is too long."
        : null;

    /// <summary>The branches of a plan, the topmost first, and whether the first one is writable.</summary>
    public static (bool IsWritable, IReadOnlyList<string> Paths) BranchesOf(IReadOnlyList<Mount> mounts)
    {
        var branches = mounts.SelectMany(mount => mount.Options)
            .Where(option => option.StartsWith("br:", StringComparison.Ordinal) || option.StartsWith("append:", StringComparison.Ordinal))
            .SelectMany(option => option.Split(':').Skip(1))
            .ToList();
        return (branches[0].EndsWith(Writable, StringComparison.Ordinal), [.. branches.Select(branch => branch[..branch.LastIndexOf('=')])]);
    }

    private static List<string> Fitting(Queue<string> branches)
    {
        var options = new List<string>();
        var length = -1;
        while (branches.TryPeek(out var next) && length + 1 + LengthOf($"append:{next}") is var longer && longer <= LongestText)
        {
            options.Add($"append:{branches.Dequeue()}");
            length = longer;
        }

        return options;
    }

    private static int LengthOf(string text) => Encoding.UTF8.GetByteCount(text);
}
