using ContainerKit.Linux;

namespace ContainerKit.Storage.Union;

// What the branches hold that a comparison looks into: the writable one, and those below it that are the same container's.
internal sealed partial class UnionTree
{
    /// <summary>Whether the writable branch holds nothing but what it needs for itself.</summary>
    public bool HasEmptyTop
    {
        get
        {
            using var scope = Enter();
            using var readable = _calls.Open(WritableRoot(), default, OpenFlags.Directory);
            var entries = new DirectoryEntries(readable, new byte[1024]);
            while (entries.MoveNext())
            {
                if (!_dialect.IsBranchOwn(entries.Name))
                {
                    return false;
                }
            }

            return true;
        }
    }

    /// <summary>Whether a directory of these branches hides what the others have.</summary>
    public bool IsOpaque(string path)
    {
        using var scope = Enter();
        if (TryResolve(path, followLast: false, out var node) != 0 || node.IsRoot || !IsOwn(node) || !node.Disk.IsDirectory)
        {
            return false;
        }

        // What is opaque is the last that is looked at.
        var last = Descend(node).Parts[^1];
        return last.Branch.IsOwn && (last.Marks & DirectoryMarks.Opaque) != 0;
    }

    private static bool IsOwn(in UnionNode node) => node.Directory.Parts[node.Part].Branch.IsOwn;
}
