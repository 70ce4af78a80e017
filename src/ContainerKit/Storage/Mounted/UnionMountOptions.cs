using ContainerKit.Storage.Aufs;
using ContainerKit.Storage.Union;
using ContainerKit.Storage.Union.Core;
using Microsoft.Extensions.Logging;

namespace ContainerKit;

/// <summary>What a <see cref="MountedUnion"/> is stacked from, and how: directories, and the dialect in which they say what is gone.</summary>
public sealed record UnionMountOptions
{
    private static readonly char[] Separators = [':'];

    private UnionMountOptions()
    {
    }

    /// <summary>
    /// Whether the kernel reads and writes the files itself. <see cref="PassthroughMode.Auto"/> for overlayfs's dialect and <see cref="PassthroughMode.Off"/> for
    /// that of AUFS, unless set.
    /// </summary>
    public PassthroughMode Passthrough { get; init; } = PassthroughMode.Auto;

    /// <summary>Takes what happens to the server; null: nobody.</summary>
    public ILoggerFactory? LoggerFactory { get; init; }

    internal IReadOnlyList<(string Path, BranchOptions Options)> Branches { get; private init; } = [];

    /// <summary>The same in AUFS's words, if it was given in them.</summary>
    internal AufsMountOptions? AufsOptions { get; private init; }

    internal bool IsAufs => AufsOptions is not null;

    internal bool ShowsWhiteouts { get; private init; }

    internal string? WorkDirectory { get; private init; }

    internal string? InodeFile { get; private init; }

    internal UnionCoreOptions Core { get; private init; } = new();

    internal IReadOnlyList<string> Flags { get; private init; } = [];

    /// <summary>Directories with overlayfs's whiteouts and opaque marks.</summary>
    /// <param name="lower">The read-only directories, the topmost first.</param>
    /// <param name="upper">Where changes go; null for a union that cannot be changed.</param>
    /// <param name="work">An empty directory on the file system of <paramref name="upper"/>, where files are made before they get their names.</param>
    /// <exception cref="ArgumentException">There is no directory, or one of <paramref name="upper"/> and <paramref name="work"/> without the other.</exception>
    public static UnionMountOptions Overlay(IReadOnlyList<string> lower, string? upper = null, string? work = null)
    {
        ArgumentNullException.ThrowIfNull(lower);
        if (upper is null != work is null)
        {
            throw new ArgumentException("An upper directory needs a work directory on the same file system, and neither is of use alone.");
        }

        var directories = lower.Select(path => (Path.GetFullPath(path), BranchOptions.HonoursWhiteouts)).ToList();
        if (upper is not null)
        {
            directories.Insert(0, (Path.GetFullPath(upper), BranchOptions.Writable));
        }

        return directories.Count == 0
            ? throw new ArgumentException("A union needs at least one directory.")
            : new UnionMountOptions { Branches = directories, WorkDirectory = work is null ? null : Path.GetFullPath(work) };
    }

    /// <summary>Branches with AUFS's whiteouts and opaque marks.</summary>
    /// <param name="branches">The topmost first, as AUFS spells them: <c>/upper=rw</c>, <c>/lower=ro+wh</c>. Of several writable ones that takes a change which has the file, or the next above it.</param>
    /// <exception cref="ArgumentException">One cannot be a branch.</exception>
    public static UnionMountOptions Aufs(params IReadOnlyList<string> branches)
    {
        ArgumentNullException.ThrowIfNull(branches);
        return Parse("br=" + string.Join(':', branches));
    }

    /// <summary>
    /// Reads what follows mount(8)'s <c>-o</c>: overlayfs's <c>lowerdir=A:B,upperdir=U,workdir=W</c>, or AUFS's <c>br:/u=rw:/l=ro+wh</c> with its other
    /// options; with either <c>passthrough=on|off|auto</c> and the flags that every mount has (<c>ro</c>, <c>nosuid</c>, …).
    /// </summary>
    /// <exception cref="ArgumentException">An option is unknown, contradicts another, or is something that this union does not do.</exception>
    public static UnionMountOptions Parse(string options)
    {
        ArgumentNullException.ThrowIfNull(options);
        PassthroughMode? passthrough = null;
        var rest = new List<string>();
        foreach (var word in options.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            if (word.StartsWith("passthrough=", StringComparison.Ordinal))
            {
                passthrough = PassthroughOf(word["passthrough=".Length..]);
            }
            else
            {
                rest.Add(word);
            }
        }

        var parsed = rest.Any(word => word.StartsWith("lowerdir=", StringComparison.Ordinal)) ? ParseOverlay(rest) : Of(AufsMountOptions.Parse(string.Join(',', rest), Environment.CurrentDirectory));
        return parsed with { Passthrough = passthrough ?? parsed.Passthrough };
    }

    private static PassthroughMode PassthroughOf(string text) => text switch
    {
        "auto" => PassthroughMode.Auto,
        "on" => PassthroughMode.On,
        "off" => PassthroughMode.Off,
        _ => throw new ArgumentException($"passthrough is 'on', 'off' or 'auto', and not '{text}'."),
    };

    private static UnionMountOptions ParseOverlay(IEnumerable<string> words)
    {
        var (lower, flags) = (new List<string>(), new List<string>());
        string? upper = null, work = null;
        foreach (var word in words)
        {
            switch (word.Split('=', 2))
            {
                case ["lowerdir", var value]:
                    lower.AddRange(value.Split(Separators, StringSplitOptions.RemoveEmptyEntries));
                    break;
                case ["upperdir", var value]:
                    upper = value;
                    break;
                case ["workdir", var value]:
                    work = value;
                    break;
                case [var flag] when AufsMountOptions.IsFlag(flag):
                    flags.Add(flag);
                    break;
                default:
                    throw new ArgumentException($"'{word}' is no option of a union of overlayfs's directories.");
            }
        }

        return Overlay(lower, upper, work) with { Flags = flags };
    }

    /// <summary>What AUFS's options come to.</summary>
    /// <exception cref="ArgumentException">They contradict each other.</exception>
    internal static UnionMountOptions Of(AufsMountOptions parsed)
    {
        if (parsed.ShowsWhiteouts && parsed.Branches.Any(branch => (branch.Options & BranchOptions.Writable) != 0))
        {
            throw new ArgumentException("Whiteouts are shown in a union that nobody writes to, so shwh cannot be had with a writable branch.");
        }

        return new UnionMountOptions
        {
            AufsOptions = parsed,
            ShowsWhiteouts = parsed.ShowsWhiteouts,
            Passthrough = PassthroughMode.Off,
            Branches = [.. parsed.Branches.Select(branch => (branch.Path, branch.Options))],
            InodeFile = parsed.InodeFile,
            Core = new UnionCoreOptions
            {
                FollowsAufs = true,
                KeepsLinks = parsed.KeepsLinks,
                MakesOpaque = parsed.MakesOpaque,
                HasAcls = parsed.HasAcls,
                ChecksAllDirectories = !parsed.ChecksTopDirectoryOnly,
                KeepsNumbers = parsed.KeepsNumbers,
                DirectChanges = parsed.DirectChanges,
                CreatePolicy = parsed.CreatePolicy,
            },
            Flags = parsed.Flags,
        };
    }
}
