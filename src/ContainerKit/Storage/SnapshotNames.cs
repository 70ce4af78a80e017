using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace ContainerKit.Storage;

/// <summary>
/// What a snapshot's directory is called: a letter for its kind, and a piece of its name or of the name's hash. Short, because the paths of 128
/// layers have to fit into what a mount takes, and with the kind in it, so that one rename changes name and kind together.
/// </summary>
internal static class SnapshotNames
{
    private const int Digits = 20, LongestRest = 24;
    private static readonly SearchValues<char> LowerHex = SearchValues.Create("0123456789abcdef");
    private static readonly SearchValues<char> RestLetters = SearchValues.Create("0123456789abcdefghijklmnopqrstuvwxyz-");
    private const string TemporaryPrefix = ".tmp-", RemovedPrefix = ".rm-";

    public static readonly IReadOnlyList<SnapshotKind> Kinds = [SnapshotKind.Committed, SnapshotKind.Writable, SnapshotKind.View];

    /// <summary>Such as <c>c-0123456789abcdef0123</c>, for a name that begins with at least 20 hexadecimal digits; whatever comes after the digits stays.</summary>
    /// <remarks>80 bits of a digest or of a random id: two of the same are found by the name that each directory records, and never expected.</remarks>
    public static string DirectoryOf(SnapshotKind kind, string name)
    {
        var end = name.AsSpan().IndexOfAnyExcept(LowerHex);
        var digits = end < 0 ? name : name.AsSpan(0, end);
        var rest = name.AsSpan(digits.Length);
        return digits.Length >= Digits && rest.Length <= LongestRest && !rest.ContainsAnyExcept(RestLetters)
            ? $"{LetterOf(kind)}-{digits[..Digits]}{rest}"
            : $"{LetterOf(kind)}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.Unicode.GetBytes(name)).AsSpan(0, Digits / 2))}";
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
