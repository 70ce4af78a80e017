using System.Security.Cryptography;
using System.Text;

namespace ContainerKit.Storage;

/// <summary>
/// What a snapshot's directory is called: a letter for its kind, and a piece of its name's hash. Short, because the paths of 128
/// layers have to fit into what a mount takes, and with the kind in it, so that one rename changes name and kind together.
/// </summary>
internal static class SnapshotNames
{
    private const string TemporaryPrefix = ".tmp-", RemovedPrefix = ".rm-";

    public static readonly IReadOnlyList<SnapshotKind> Kinds = [SnapshotKind.Committed, SnapshotKind.Writable, SnapshotKind.View];

    /// <summary>22 characters, such as <c>c-0123456789abcdef0123</c>.</summary>
    public static string DirectoryOf(SnapshotKind kind, string name)
    {
        // 80 bits: two of the same are found by the name that each directory records, and never expected.
        var hash = SHA256.HashData(Encoding.Unicode.GetBytes(name));
        return $"{LetterOf(kind)}-{Convert.ToHexStringLower(hash.AsSpan(0, 10))}";
    }

    public static SnapshotKind? KindOf(string directory) => directory switch
    {
        ['c', '-', ..] => SnapshotKind.Committed,
        ['w', '-', ..] => SnapshotKind.Writable,
        ['v', '-', ..] => SnapshotKind.View,
        _ => null,
    };

    /// <summary>32 hexadecimal digits that no other snapshot has: <see cref="Snapshot.StableId"/>.</summary>
    public static string NewStableId() => Guid.NewGuid().ToString("N");

    /// <summary>Where a snapshot is made.</summary>
    public static string TemporaryOf(string stableId) => TemporaryPrefix + stableId;

    /// <summary>Where a snapshot is removed.</summary>
    public static string RemovedOf(string stableId) => RemovedPrefix + stableId;

    /// <summary>The stable id of a snapshot that is being made or removed: its record may not be there yet, or not any more.</summary>
    public static string StableIdOf(string hidden) => hidden[(hidden.IndexOf('-', StringComparison.Ordinal) + 1)..];

    /// <summary>Whether a directory is one that nobody is to see: not finished, or not yet gone.</summary>
    public static bool IsHidden(string directory) =>
        directory.StartsWith(TemporaryPrefix, StringComparison.Ordinal) || directory.StartsWith(RemovedPrefix, StringComparison.Ordinal);

    private static char LetterOf(SnapshotKind kind) => kind switch
    {
        SnapshotKind.Committed => 'c',
        SnapshotKind.Writable => 'w',
        _ => 'v',
    };
}
