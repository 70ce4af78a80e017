using System.Text;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage;

// What is written down about snapshots: read back, and published by renames.
internal sealed partial class SnapshotStore
{
    /// <summary>Reads what a directory records; null when it is not there, or not there any more.</summary>
    private Snapshot? TryRead(string directoryName)
    {
        if (SnapshotNames.KindOf(directoryName) is not { } kind)
        {
            return null;
        }

        var directory = Path.Combine(_directory, directoryName);
        var path = Path.Combine(directory, SnapshotRecord.FileName);
        if (ReadWhole(path) is not { } json)
        {
            return null;
        }

        var record = SnapshotRecord.Parse(json, path);
        if (kind != SnapshotKind.Committed)
        {
            return ToSnapshot(record, record.Name, kind, directory);
        }

        return ReadWhole(Path.Combine(directory, "name")) is { } name ? ToSnapshot(record, Encoding.UTF8.GetString(name), kind, directory) : null;
    }

    private Snapshot ToSnapshot(SnapshotRecord record, string name, SnapshotKind kind, string directory)
    {
        // Everybody's list of parents is the rest of the same array.
        var parents = new Snapshot[record.Parents.Count];
        for (var i = parents.Length - 1; i >= 0; i--)
        {
            var parentDirectory = Path.Combine(_directory, SnapshotNames.DirectoryOf(SnapshotKind.Committed, record.Parents[i]));
            parents[i] = Of(record.Parents[i], record.ParentStableIds.ElementAtOrDefault(i) ?? "", SnapshotKind.Committed, parentDirectory, i + 1);
        }

        return Of(name, record.StableId, kind, directory, 0);

        Snapshot Of(string id, string stableId, SnapshotKind ofKind, string at, int firstParent) => new()
        {
            Id = id,
            StableId = stableId,
            Kind = ofKind,
            Directory = at,
            Parents = new ArraySegment<Snapshot>(parents, firstParent, parents.Length - firstParent),
            UserAttributes = record.UserAttributes,
            IdMap = record.IdMap,
            SurvivesPowerLoss = _options.SurvivesPowerLoss,
            Calls = _options.Calls,
            Ownership = _options.Ownership,
        };
    }

    // That a file is not there is the usual answer when a name is looked up, and exceptions are a slow way to say so.
    private static byte[]? ReadWhole(string path)
    {
        var errno = FileCalls.Local.TryOpen(null, path, OpenFlags.Read, 0, Resolve.Host, out var file);
        using (file)
        {
            if (errno is Errno.ENOENT or Errno.ENOTDIR)
            {
                return null;
            }

            LinuxException.ThrowIf(errno, $"read '{path}'");
            var content = new byte[Math.Min(RandomAccess.GetLength(file), MaxRecordBytes)];
            var count = RandomAccess.Read(file, content, 0);
            return content[..count];
        }
    }

    private static void WriteWhole(string directory, string name, ReadOnlySpan<byte> content)
    {
        using var at = RootedDirectory.Open(directory);
        var aside = "." + name;
        _ = FileCalls.Local.TryUnlink(at.Handle, aside, isDirectory: false);
        using (var file = FileCalls.Local.Open(at.Handle, aside, OpenFlags.Write | OpenFlags.Create | OpenFlags.Exclusive, RecordMode))
        {
            Union.CopyUp.FileWriting.Write(file, content, 0);
        }

        FileCalls.Local.Rename(at.Handle, aside, at.Handle, name);
    }

    /// <summary>Gives a directory its name in the store, which is what makes it exist.</summary>
    private void Publish(string from, string toName)
    {
        using var store = RootedDirectory.Open(_directory);
        if (_options.SurvivesPowerLoss)
        {
            Flush(LibC.syncfs(Descriptor(store.Handle)));
        }

        FileCalls.Local.Rename(store.Handle, Path.GetFileName(from), store.Handle, toName, RenameFlags.NoReplace);
        if (_options.SurvivesPowerLoss)
        {
            Flush(LibC.fsync(Descriptor(store.Handle)));
        }

        static int Descriptor(SafeFileHandle handle) => (int)handle.DangerousGetHandle();

        static void Flush(int result) =>
            LinuxException.ThrowIf(result < 0 ? System.Runtime.InteropServices.Marshal.GetLastPInvokeError() : 0, $"flush the store to its disk");
    }

    private void RemoveBelow(string directory, string name)
    {
        var calls = _options.Calls ?? FileCalls.Local;
        if (FileCalls.Local.TryOpen(null, directory, OpenFlags.Directory, 0, Resolve.Host, out var handle) != 0)
        {
            return;
        }

        using (handle)
        {
            TreeRemover.Remove(calls, handle, name);
        }
    }
}
