using ContainerKit.Linux;

namespace ContainerKit.Storage.Union;

/// <summary>What a path of a union stands for.</summary>
/// <param name="Path">The absolute path inside the union, without symlinks but for the last component.</param>
/// <param name="Stat">Its attributes as the container sees them.</param>
/// <param name="IsOwn">Whether it is in one of the branches that a comparison looks into; with a single one, in the writable branch.</param>
internal readonly record struct UnionEntry(string Path, FileStat Stat, bool IsOwn)
{
    public FileKind Kind => Stat.Kind;
}

/// <summary>One name in a directory of a union.</summary>
internal readonly record struct UnionName(string Name, FileKind Kind);
