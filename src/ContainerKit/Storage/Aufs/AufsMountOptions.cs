using System.Globalization;
using ContainerKit.Storage.Union;
using ContainerKit.Storage.Union.Core;

namespace ContainerKit.Storage.Aufs;

/// <summary>What mount(8)'s <c>-o</c> says of an AUFS union: its branches, and how they are treated. Pure: nothing is looked at on disk.</summary>
internal sealed record AufsMountOptions
{
    /// <summary>As many as a kernel with AUFS takes.</summary>
    public const int MaxBranches = 127;

    // They concern files that AUFS keeps beside its branches, or its caches; a union that has neither is not changed by them.
    private static readonly HashSet<string> WithoutEffect = [
        "dio", "nodio", "xino", "trunc_xino", "notrunc_xino", "sum", "nosum", "verbose", "quiet", "warn_perm", "nowarn_perm",
        "refrof", "norefrof", "rdcache", "rdblk", "rdhash"];

    private static readonly HashSet<string> KernelFlags = [
        "ro", "rw", "suid", "nosuid", "dev", "nodev", "exec", "noexec", "atime", "noatime", "relatime", "norelatime", "strictatime",
        "diratime", "nodiratime"];

    /// <summary>Whether a word is one of those that every mount takes, such as <c>nosuid</c>.</summary>
    public static bool IsFlag(string word) => KernelFlags.Contains(word);

    /// <summary>The branches, the topmost first.</summary>
    public required IReadOnlyList<AufsBranch> Branches { get; init; }

    /// <summary><c>dirperm1</c>: only the topmost directory's mode counts, not that of every branch.</summary>
    public bool ChecksTopDirectoryOnly { get; init; }

    /// <summary><c>noplink</c> takes it away: the names of a lower file stay one file when it is copied up.</summary>
    public bool KeepsLinks { get; init; } = true;

    /// <summary><c>diropq=a</c>: every new directory is opaque, not only one that takes a whiteout's place.</summary>
    public bool MakesOpaque { get; init; }

    /// <summary><c>dirwh=N</c>: a directory with more whiteouts than this is moved aside before it is removed.</summary>
    public int MaxWhiteoutsInPlace { get; init; } = 3;

    /// <summary><c>acl</c>: ACLs can be set.</summary>
    public bool HasAcls { get; init; }

    /// <summary><c>noxino</c> takes it away: numbers of inodes are kept when nobody uses them.</summary>
    public bool KeepsNumbers { get; init; } = true;

    /// <summary><c>udba=</c>: what of the branches is looked at again. Whoever does not name it says that they are not changed directly.</summary>
    public DirectChanges DirectChanges { get; init; }

    /// <summary><c>shwh</c>: whiteouts are shown; for unions that nobody writes to.</summary>
    public bool ShowsWhiteouts { get; init; }

    /// <summary><c>create=</c>: which of several writable branches gets what is new.</summary>
    public CreatePolicy CreatePolicy { get; init; }

    /// <summary><c>xino=</c>: where AUFS would keep inode numbers. Nothing is kept there, but it must be possible to make it.</summary>
    public string? InodeFile { get; init; }

    /// <summary>What the kernel does by itself for every file system: <c>ro</c>, <c>nosuid</c> and so on.</summary>
    public IReadOnlyList<string> Flags { get; init; } = [];

    /// <summary>Reads options. Relative paths of branches begin at <paramref name="directory"/>.</summary>
    /// <exception cref="ArgumentException">AUFS would answer EINVAL, or something is asked for that this union cannot do.</exception>
    public static AufsMountOptions Parse(string text, string directory)
    {
        var branches = new List<string>();
        var options = new AufsMountOptions { Branches = [] };
        foreach (var word in text.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var end = word.IndexOfAny([':', '=']);
            var (key, value) = end < 0 ? (word, null) : (word[..end], word[(end + 1)..]);
            if (!AddBranches(branches, key, value))
            {
                options = options.WithWord(key, value);
            }
        }

        var parsed = branches.Select((branch, number) => AufsBranch.Parse(branch, directory, isFirst: number == 0)).ToList();
        Check(parsed);
        return options with { Branches = parsed };
    }

    /// <summary>The same with one more word, which is not about branches.</summary>
    /// <exception cref="ArgumentException">It is unknown, or something that this union cannot do.</exception>
    public AufsMountOptions WithWord(string key, string? value) => KernelFlags.Contains(key) ? this with { Flags = [.. Flags, key] } : With(key, value);

    private AufsMountOptions With(string key, string? value) => (key, value) switch
    {
        ("dirperm1", null) => this with { ChecksTopDirectoryOnly = true },
        ("nodirperm1", null) => this with { ChecksTopDirectoryOnly = false },
        ("plink", null) => this with { KeepsLinks = true },
        ("noplink", null) => this with { KeepsLinks = false },
        ("diropq", "a" or "always") => this with { MakesOpaque = true },
        ("diropq", "w" or "whiteouted") => this with { MakesOpaque = false },
        ("dirwh", not null) => this with { MaxWhiteoutsInPlace = NumberOf(key, value) },
        ("acl", null) => this with { HasAcls = true },
        ("noacl", null) => this with { HasAcls = false },
        ("shwh", null) => this with { ShowsWhiteouts = true },
        ("noshwh", null) => this with { ShowsWhiteouts = false },
        ("create" or "create_policy", not null) => this with { CreatePolicy = CreatePolicy.Parse(value) },
        ("xino", not null) => this with { InodeFile = value },
        ("noxino", null) => this with { KeepsNumbers = false },
        ("udba", "none" or "reval") => this with { DirectChanges = DirectChanges.OfKnownNames },
        ("udba", "notify") => this with { DirectChanges = DirectChanges.OfEverything },
        ("dirren", null) => throw new ArgumentException("A directory of a lower branch cannot be renamed, so dirren cannot be had."),
        _ when WithoutEffect.Contains(key) => this,
        _ => throw new ArgumentException($"'{key}' with the value '{value}' is no option of a union."),
    };

    private static bool AddBranches(List<string> branches, string key, string? value)
    {
        switch (key)
        {
            case "br" or "dirs" when value is not null:
                branches.AddRange(value.Split(':'));
                return true;
            case "append" when value is not null:
                branches.Add(Single(value));
                return true;
            case "prepend" when value is not null:
                branches.Insert(0, Single(value));
                return true;
            case "add" or "ins" when value?.Split(':', 2) is [var number, var branch]:
                var place = NumberOf(key, number);
                branches.Insert(place <= branches.Count ? place : throw new ArgumentException($"There is no place {place} in the list of branches."), Single(branch));
                return true;
            default:
                return false;
        }
    }

    /// <summary>One branch and not several.</summary>
    public static string Single(string branch) => !branch.Contains(':', StringComparison.Ordinal)
        ? branch
        : throw new ArgumentException($"'{branch}' is more than one branch, and one can be added at a time.");

    public static int NumberOf(string key, string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new ArgumentException($"'{value}' is no number for '{key}'.");

    private static void Check(List<AufsBranch> branches)
    {
        if (branches.Count is 0 or > MaxBranches)
        {
            throw new ArgumentException(branches.Count == 0 ? "A union needs at least one branch." : $"A union has at most {MaxBranches} branches (ENOSPC).");
        }
    }
}

/// <summary>A branch as the options name it.</summary>
/// <param name="Path">Where it is; absolute.</param>
/// <param name="Options">What it may do.</param>
internal sealed record AufsBranch(string Path, BranchOptions Options)
{
    /// <summary>Reads <c>PATH=PERMISSION+ATTRIBUTE…</c>.</summary>
    /// <exception cref="ArgumentException">There is no path, or the path has a character that AUFS cannot take.</exception>
    public static AufsBranch Parse(string text, string directory, bool isFirst)
    {
        var (path, permission) = text.Split('=') switch
        {
            [{ Length: > 0 } only] => (only, isFirst ? "rw" : "ro"),
            [{ Length: > 0 } first, var second] => (first, second),
            _ => throw new ArgumentException($"'{text}' is no branch: a path, and perhaps '=' and what it may do."),
        };
        return new AufsBranch(System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path, directory)), OptionsOf(permission));
    }

    private static BranchOptions OptionsOf(string permission)
    {
        var words = permission.Split('+');
        var options = words[0] == "rw" ? BranchOptions.Writable : BranchOptions.None;
        foreach (var word in words.Skip(1))
        {
            options |= (words[0], word) switch
            {
                ("ro" or "rr", "wh") => BranchOptions.HonoursWhiteouts,
                ("rw", "nolwh") => BranchOptions.SeparateWhiteouts,
                (_, "icex") => BranchOptions.LosesAttributes,

                // As AUFS does: what it does not know makes nothing writable.
                _ => BranchOptions.None,
            };
        }

        return options;
    }
}
