namespace ContainerKit.Storage;

/// <summary>Orders paths as a walk through the tree meets them: a directory before what is in it, and that before its next sibling.</summary>
internal sealed class PathOrder : IComparer<string>
{
    public static PathOrder Instance { get; } = new();

    public int Compare(string? x, string? y)
    {
        var common = x.AsSpan().CommonPrefixLength(y);
        var (left, right) = (RankAt(x, common), RankAt(y, common));
        return left.CompareTo(right);
    }

    // A plain comparison would put "/a-b" between "/a" and "/a/b": '-' comes before '/'.
    private static int RankAt(string? path, int index) => path is null || index >= path.Length ? -1 : path[index] == '/' ? 0 : path[index] + 1;
}
