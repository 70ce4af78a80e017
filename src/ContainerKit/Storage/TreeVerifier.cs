using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using ContainerKit.Layers;
using ContainerKit.Layers.Trees;
using ContainerKit.Storage.Union;

namespace ContainerKit.Storage;

/// <summary>Compares a tree on disk with what layers say that it is, down to every byte; what it shows from below unchanged is not looked at.</summary>
/// <param name="expected">What the layers say, with the digests of all contents.</param>
/// <param name="actual">What lies on disk.</param>
/// <param name="isLossy">
/// Whether an ordinary user unpacked it, who can give not everything to links and special files, and whose attributes of security the kernel
/// tells differently inside and outside of a user namespace.
/// </param>
[SupportedOSPlatform("linux")]
internal sealed class TreeVerifier(LayerTree expected, UnionTree actual, bool isLossy)
{
    private const int BufferBytes = 128 << 10;

    /// <summary>How many differences are told; of the others there is only a number.</summary>
    private const int MaxNamed = 20;

    private readonly List<string> _differences = [];
    private int _more;

    /// <summary>All differences, as the end of a sentence; null when there are none.</summary>
    public string? FindDifferences(CancellationToken ct)
    {
        CompareDirectory("/", expected.Root, ct);
        var more = _more == 0 ? "" : $"; and {_more} more";
        return _differences.Count == 0 ? null : string.Join("; ", _differences) + more;
    }

    private void Note(string? difference)
    {
        if (difference is null)
        {
            return;
        }

        if (_differences.Count < MaxNamed)
        {
            _differences.Add(difference);
        }
        else
        {
            _more++;
        }
    }

    private void CompareDirectory(string path, TreeNode directory, CancellationToken ct)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        ct.ThrowIfCancellationRequested();
        if (!directory.IsImplied)
        {
            Note(FindDifference(path, directory.Metadata, actual.ReadMetadata(path)));
        }

        var names = actual.List(path, readsRecords: false).Select(name => name.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var surplus in names.Where(name => !directory.Children!.ContainsKey(name)).Order(StringComparer.Ordinal))
        {
            Note($"'{LayerPath.Combine(path, surplus)}' is in it, and in no layer");
        }

        foreach (var (name, node) in directory.Children!)
        {
            var child = LayerPath.Combine(path, name);
            if (!names.Contains(name))
            {
                Note($"'{child}' is missing");
                continue;
            }

            try
            {
                CompareOwn(child, node, ct);
            }
            catch (Exception e) when (e is StorageException or IOException or UnauthorizedAccessException)
            {
                // One that cannot be read is no reason to leave the others unread.
                Note($"'{child}' cannot be read: {e.Message.TrimEnd('.')}");
            }
        }
    }

    private void CompareOwn(string path, TreeNode node, CancellationToken ct)
    {
        var there = actual.Stat(path, followSymlink: false);
        if (!there.IsOwn)
        {
            return;
        }

        if (!node.IsDirectory)
        {
            Note(FindDifference(path, node.Metadata, actual.ReadMetadata(path)) ?? FindOtherContent(path, node.Metadata, ct));
        }
        else if (there.Kind == FileKind.Directory)
        {
            CompareDirectory(path, node, ct);
        }
        else
        {
            Note($"'{path}' is no directory any more");
        }
    }

    private string? FindDifference(string path, FileMetadata then, FileMetadata now)
    {
        if (then.Kind != now.Kind)
        {
            return $"'{path}' has become something else ({now.Kind}, and no {then.Kind})";
        }

        if (then.LinkTarget != now.LinkTarget)
        {
            return $"the link '{path}' points to '{now.LinkTarget}', and not to '{then.LinkTarget}'";
        }

        if (isLossy && then.Kind is not (FileKind.File or FileKind.Directory))
        {
            return null;
        }

        return (then.Mode, then.UserId, then.GroupId) != (now.Mode, now.UserId, now.GroupId) ? $"'{path}' has another owner or mode"
            : (then.DeviceMajor, then.DeviceMinor) != (now.DeviceMajor, now.DeviceMinor) ? $"'{path}' is another device"
            : then.Size != now.Size ? $"'{path}' has {now.Size} bytes, and not {then.Size}"
            : !IsSameTime(then.ModifiedTime, now.ModifiedTime) ? $"'{path}' was changed"
            : then.ExtendedAttributes.FirstOrDefault(each => !HasAttribute(now, each.Key, each.Value)).Key is { } attribute ? $"'{path}' has another attribute '{attribute}'"
            : null;
    }

    private bool HasAttribute(FileMetadata now, string name, ReadOnlyMemory<byte> value) =>
        (isLossy && !name.StartsWith("user.", StringComparison.Ordinal))
        || (now.ExtendedAttributes.TryGetValue(name, out var there) && there.Span.SequenceEqual(value.Span));

    // File systems may keep whole seconds only, and none beyond their own last day.
    private static bool IsSameTime(UnixTime then, UnixTime now) =>
        then == now || (then.Seconds == now.Seconds && now.Nanoseconds == 0) || then.Seconds is < int.MinValue or > int.MaxValue;

    private string? FindOtherContent(string path, FileMetadata then, CancellationToken ct)
    {
        if (then.Digest is not { } digest)
        {
            return null;
        }

        using var file = actual.OpenRead(path);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            var offset = 0L;
            for (int read; (read = RandomAccess.Read(file, buffer, offset)) > 0; offset += read)
            {
                ct.ThrowIfCancellationRequested();
                hash.AppendData(buffer, 0, read);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return Digest.FromHash(hash.GetHashAndReset()) == digest ? null : $"the content of '{path}' is another";
    }
}
