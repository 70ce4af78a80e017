using System.Runtime.Versioning;
using System.Text;
using ContainerKit.Containers.Files;
using ContainerKit.Isolation;
using ContainerKit.Linux;
using ContainerKit.Storage;
using ContainerKit.Storage.Union;

namespace ContainerKit.Containers.Specs;

/// <summary>Finds out who a container's program runs as, by the passwd and group files of the container itself.</summary>
[SupportedOSPlatform("linux")]
internal static class UserLookup
{
    // A file of a hostile image: never more than this of it is read.
    private const int LongestFile = 4 << 20;

    public static ContainerUser Resolve(SnapshotStore snapshots, SnapshotLease lease, string specification)
    {
        if (IsPlainRoot(specification))
        {
            return ContainerUser.Root;
        }

        using var tree = snapshots.OpenTree(lease);
        return Resolve(tree, specification);
    }

    public static ContainerUser ResolveLive(IsolatedProcess process, FileCalls? calls, string specification)
    {
        if (IsPlainRoot(specification))
        {
            return ContainerUser.Root;
        }

        using var tree = LiveRoot.Open(process, calls);
        return Resolve(tree, specification);
    }

    private static bool IsPlainRoot(string specification) => specification is "" or "0" or "root" or "0:0" or "root:root";

    private static ContainerUser Resolve(UnionTree tree, string specification) =>
        PasswdFile.Resolve(specification, ReadText(tree, "/etc/passwd"), ReadText(tree, "/etc/group"));

    private static string ReadText(UnionTree tree, string path)
    {
        // OpenRead takes regular files only, and so never waits for a fifo that pretends to be /etc/passwd.
        if (tree.TryStat(path, followSymlink: true, out var entry) != 0 || entry.Kind != FileKind.File)
        {
            return "";
        }

        using var handle = tree.OpenRead(path);
        var content = new byte[Math.Min(entry.Stat.Size, LongestFile)];
        var length = 0;
        while (length < content.Length && RandomAccess.Read(handle, content.AsSpan(length), length) is var count and > 0)
        {
            length += count;
        }

        return Encoding.UTF8.GetString(content.AsSpan(0, length));
    }
}
