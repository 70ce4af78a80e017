using System.Runtime.Versioning;

namespace ContainerKit.Storage;

/// <summary>What a snapshot is compared with.</summary>
/// <param name="Before">The other snapshot; null for an empty tree.</param>
/// <param name="OwnLayers">How many layers, counted from the top, are not part of the other: only what is in them can be a difference.</param>
/// <param name="UnchangedUntil">Files last touched before this are copies of what the other has; null when nobody knows.</param>
internal sealed record Baseline(Snapshot? Before, int OwnLayers, UnixTime? UnchangedUntil)
{
    [SupportedOSPlatform("linux")]
    public static Baseline ParentOf(Snapshot snapshot) => new(snapshot.Parents is [var parent, ..] ? parent : null, 1, SnapshotTrees.CreationTime(snapshot));

    /// <summary>One that a snapshot is built on, by its place among the parents.</summary>
    [SupportedOSPlatform("linux")]
    public static Baseline Below(Snapshot snapshot, int index) =>
        new(snapshot.Parents[index], index + 1, SnapshotTrees.CreationTime(index == 0 ? snapshot : snapshot.Parents[index - 1]));

    /// <summary>One that is none of the parents: every file may differ.</summary>
    public static Baseline Elsewhere(Snapshot other) => new(other, int.MaxValue, null);
}
