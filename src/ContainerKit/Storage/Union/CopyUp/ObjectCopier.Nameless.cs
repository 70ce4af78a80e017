using System.Buffers;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union.CopyUp;

// The short way for files: the copy has no name until it is whole (O_TMPFILE), so one that is not is never seen and never left behind, and giving it
// its name costs a directory one change, where making it aside and renaming it costs two directories three. Nothing is allocated.
internal sealed partial class ObjectCopier
{
    private const int LongestList = 64 * 1024;
    private const int MaxKnownAttributes = 256;

    // What isOwnAttribute said of names, so that a name which thousands of files have becomes a string once.
    private readonly Dictionary<byte[], bool> _isOwn = new(NameComparer.Instance);
    private volatile bool _isRefused;

    /// <summary>Whether it is worth trying: the calls are this process's own, and no file system has refused so far.</summary>
    public bool CanBeNameless => calls is LocalFileCalls && !_isRefused;

    /// <summary>Opens what is to be copied, and looks whether it has attributes.</summary>
    /// <returns>0 or an <see cref="Errno"/>, with which there is nothing to close.</returns>
    public static int TryOpenSource(SafeFileHandle directory, FileName name, out ScopedFile source, out bool hasAttributes)
    {
        hasAttributes = false;

        // A layer's access times are nobody's business: several unions may share it. But only its owner may say so.
        const OpenFlags Flags = OpenFlags.Read | OpenFlags.NonBlocking;
        var errno = ScopedFile.TryOpen(directory, name, Flags | OpenFlags.NoAccessTime, 0, out source);
        errno = errno == Errno.EPERM ? ScopedFile.TryOpen(directory, name, Flags, 0, out source) : errno;
        if (errno != 0)
        {
            return errno;
        }

        errno = source.TryListAttributes(default, out var length);
        errno = errno == Errno.EOPNOTSUPP ? 0 : errno;
        hasAttributes = length > 0;
        if (errno != 0)
        {
            source.Dispose();
        }

        return errno;
    }

    /// <summary>Makes a copy of a file that has no name yet.</summary>
    /// <param name="source">The file.</param>
    /// <param name="stat">What is known of it; as much is copied as its size says.</param>
    /// <param name="hasAttributes">Whether it has extended attributes.</param>
    /// <param name="directory">A directory of the file system that the copy is to be in.</param>
    /// <param name="withContent">Whether also the content is copied.</param>
    /// <param name="copy">The copy, open for reading and writing; the caller's to close.</param>
    /// <param name="made">What the copy is on disk, as it was when it was made, without times and size.</param>
    /// <returns>False when nothing can be made in this way, and <see cref="CopyFile"/> has to.</returns>
    /// <exception cref="LinuxException">The copy was begun, and cannot be completed.</exception>
    public bool TryCopyNameless(
        in ScopedFile source, in FileStat stat, bool hasAttributes, SafeFileHandle directory, bool withContent, out ScopedFile copy, out FileStat made)
    {
        made = default;
        var mode = (stat.Permissions & AllRights) | PrivateFile;
        var errno = ScopedFile.TryOpen(directory, default, OpenFlags.ReadWrite | OpenFlags.Nameless, mode, out copy);
        if (errno != 0)
        {
            _isRefused |= errno is Errno.EOPNOTSUPP or Errno.EISDIR;
            return false;
        }

        try
        {
            LinuxException.ThrowIf(copy.TryStatNew(out made), $"read the attributes of a copy");
            if (withContent && stat.Size > 0)
            {
                CopyContent(source.Descriptor, stat, copy.Descriptor, made.Device, CancellationToken.None);
            }

            Complete(source, stat, hasAttributes, copy, made);
            return true;
        }
        catch
        {
            copy.Dispose();
            throw;
        }
    }

    // In the order that CopyMetadata explains, without what the file has already.
    private void Complete(in ScopedFile source, in FileStat stat, bool hasAttributes, in ScopedFile copy, in FileStat made)
    {
        if (made.UserId != stat.UserId || made.GroupId != stat.GroupId)
        {
            LinuxException.ThrowIf(copy.TrySetOwner(stat.UserId, stat.GroupId), $"give a copy to {stat.UserId}:{stat.GroupId}");
        }

        if (hasAttributes)
        {
            CopyAttributes(source, copy);
        }

        // An ACL changes the mode.
        if (hasAttributes || made.Permissions != stat.Permissions)
        {
            LinuxException.ThrowIf(copy.TrySetMode(stat.Permissions), $"set the mode of a copy");
        }

        LinuxException.ThrowIf(copy.TrySetTimes(stat.AccessTime, stat.ModifiedTime), $"set the times of a copy");
    }

    private void CopyAttributes(in ScopedFile source, in ScopedFile copy)
    {
        // The kernel's own limits of a list and of a value are 64 KiB.
        var names = ArrayPool<byte>.Shared.Rent(LongestList);
        var value = ArrayPool<byte>.Shared.Rent(LongestList);
        try
        {
            LinuxException.ThrowIf(source.TryListAttributes(names.AsSpan(0, LongestList), out var length), $"list the attributes of a file");
            for (var rest = names.AsSpan(0, length); !rest.IsEmpty;)
            {
                var end = rest.IndexOf((byte)0);
                CopyAttribute(source, copy, rest[..(end + 1)], value.AsSpan(0, LongestList));
                rest = rest[(end + 1)..];
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(names);
            ArrayPool<byte>.Shared.Return(value);
        }
    }

    private void CopyAttribute(in ScopedFile source, in ScopedFile copy, ReadOnlySpan<byte> terminated, Span<byte> value)
    {
        var name = terminated[..^1];
        if (IsOwn(name))
        {
            return;
        }

        var errno = source.TryGetAttribute(terminated, value, out var length);
        if (errno is Errno.ENODATA or Errno.EOPNOTSUPP)
        {
            return;
        }

        LinuxException.ThrowIf(errno, $"read an attribute of a file");
        errno = copy.TrySetAttribute(terminated, value[..length]);
        if (errno != 0 && !(errno == Errno.EOPNOTSUPP && losesAttributes) && !IsSetByKernel(LinuxPath.Decode(name)))
        {
            throw new LinuxException(errno, $"keep the attribute '{LinuxPath.Decode(name)}' of a file");
        }
    }

    private bool IsOwn(ReadOnlySpan<byte> attribute)
    {
        lock (_isOwn)
        {
            var known = _isOwn.GetAlternateLookup<ReadOnlySpan<byte>>();
            if (!known.TryGetValue(attribute, out var isOwn))
            {
                isOwn = isOwnAttribute(LinuxPath.Decode(attribute));
                if (_isOwn.Count < MaxKnownAttributes)
                {
                    known[attribute] = isOwn;
                }
            }

            return isOwn;
        }
    }
}
