using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union;

// What the writable branch itself holds.
internal sealed partial class UnionTree
{
    /// <summary>Whether a directory of the writable branch hides what lies below.</summary>
    public bool IsOpaque(string path)
    {
        using var scope = Enter();
        return TryResolve(path, followLast: false, out var node) == 0
            && node is { IsRoot: false, IsUpper: true, Disk.IsDirectory: true }
            && (Descend(node).Parts[0].Marks & DirectoryMarks.Opaque) != 0;
    }

    /// <summary>The regular files of the writable branch that have further names, one item for each name, in no order.</summary>
    public IReadOnlyList<(string Path, ulong Device, ulong Inode)> FindLinkedFiles(CancellationToken ct)
    {
        using var scope = Enter();
        var found = new List<(string, ulong, ulong)>();
        FindLinkedFiles("", WritableRoot(), found, ct);
        return found;
    }

    private void FindLinkedFiles(string path, SafeFileHandle directory, List<(string, ulong, ulong)> found, CancellationToken ct)
    {
        System.Runtime.CompilerServices.RuntimeHelpers.EnsureSufficientExecutionStack();
        using var readable = _calls.Open(directory, default, OpenFlags.Directory);
        foreach (var name in DirectoryEntries.NamesOf(readable))
        {
            ct.ThrowIfCancellationRequested();
            if (_dialect.CheckName(name) == Errno.EPERM)
            {
                continue;
            }

            var stat = _calls.Stat(readable, name);
            if (stat.IsDirectory)
            {
                using var inner = OpenPart(readable, name, stat);
                FindLinkedFiles($"{path}/{name}", inner, found, ct);
            }
            else if (stat is { IsRegular: true, LinkCount: > 1 })
            {
                found.Add(($"{path}/{name}", stat.Device, stat.Inode));
            }
        }
    }
}
