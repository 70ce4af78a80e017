using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union.CopyUp;

/// <summary>
/// Makes a second object like a first one: content, mode, owner, times to the nanosecond, attributes and capabilities. Works on
/// what is on disk, so records of ownership come along as the attributes that they are.
/// </summary>
/// <param name="calls">Who makes the calls.</param>
/// <param name="isOwnAttribute">Which extended attributes are somebody's books, and stay behind.</param>
/// <param name="losesAttributes">Whether attributes that the target cannot hold are lost rather than an error.</param>
/// <param name="makesHoles">Whether blocks of zeros become holes.</param>
[SupportedOSPlatform("linux")]
internal sealed partial class ObjectCopier(FileCalls calls, Func<string, bool> isOwnAttribute, bool losesAttributes = false, bool makesHoles = false)
{
    private const int PrivateFile = 0x180, PrivateDirectory = 0x1C0, OwnerRead = 0x100, AllRights = 0x1FF;
    private const int BytesOfBlock = 512;

    // Between which two file systems the last attempt to share blocks failed: asking for every file would be a system call for each.
    private Unshareable? _unshareable;

    /// <summary>
    /// Copies one object (of a directory, only itself) to a new name. The last thing that is set are the times, so a directory's
    /// must be set again when it has been filled.
    /// </summary>
    public void Copy(
        SafeFileHandle fromDirectory, FileName fromName, in FileStat stat, SafeFileHandle toDirectory, FileName toName, bool withContent, CancellationToken ct)
    {
        switch (stat.Kind)
        {
            case FileKind.File:
                CopyFile(fromDirectory, fromName, stat, toDirectory, toName, withContent, ct, out _).Dispose();
                return;
            case FileKind.Directory:
                calls.MakeDirectory(toDirectory, toName, PrivateDirectory);
                break;
            case FileKind.Symlink:
                calls.MakeSymlink(calls.ReadLink(fromDirectory, fromName), toDirectory, toName);
                break;
            default:
                calls.MakeNode(toDirectory, toName, (stat.RawMode & FileTypeBits.TypeMask) | PrivateFile, stat.DeviceMajor, stat.DeviceMinor);
                break;
        }

        CopyMetadata(fromDirectory, fromName, stat, toDirectory, toName);
    }

    /// <summary>Gives an object the mode, owner, attributes and times of another.</summary>
    public void CopyMetadata(SafeFileHandle fromDirectory, FileName fromName, in FileStat stat, SafeFileHandle toDirectory, FileName toName)
    {
        // User attributes take the right to write, so they go before the mode; capabilities fall with a change of owner, so after it.
        calls.SetOwner(toDirectory, toName, stat.UserId, stat.GroupId);
        CopyAttributes(fromDirectory, fromName, toDirectory, toName);
        if (!stat.IsSymlink)
        {
            calls.SetMode(toDirectory, toName, stat.Permissions);
        }

        calls.SetTimes(toDirectory, toName, stat.AccessTime, stat.ModifiedTime);
    }

    /// <summary>Copies one file to a new name.</summary>
    /// <param name="fromDirectory">Where it is, or, without a name, the file itself, open.</param>
    /// <param name="fromName">Its name.</param>
    /// <param name="stat">What is known of it; as much is copied as its size says.</param>
    /// <param name="toDirectory">Where to.</param>
    /// <param name="toName">The new name.</param>
    /// <param name="withContent">Whether also the content is copied.</param>
    /// <param name="ct">Ends it early.</param>
    /// <param name="made">What the copy is on disk, as it was when it was made.</param>
    /// <returns>The copy, open for reading and writing.</returns>
    public SafeFileHandle CopyFile(
        SafeFileHandle fromDirectory, FileName fromName, in FileStat stat, SafeFileHandle toDirectory, FileName toName, bool withContent, CancellationToken ct, out FileStat made)
    {
        // With its last mode and owner from the beginning, where the process's umask and user allow, there is less to set afterwards.
        var target = calls.Open(
            toDirectory, toName, OpenFlags.ReadWrite | OpenFlags.Create | OpenFlags.Exclusive | OpenFlags.NoFollow, (stat.Permissions & AllRights) | PrivateFile);
        try
        {
            made = calls.Stat(target);
            if (!withContent || stat.Size == 0)
            {
                CompleteFile(fromDirectory, fromName, stat, target, made);
                return target;
            }

            // Without a name it is the open file itself.
            using var opened = fromName.IsEmpty ? null : OpenForReading(fromDirectory, fromName, stat);
            var source = opened ?? fromDirectory;
            CopyContent((int)source.DangerousGetHandle(), stat, (int)target.DangerousGetHandle(), made.Device, ct);
            CompleteFile(source, default, stat, target, made);
            return target;
        }
        catch
        {
            target.Dispose();
            throw;
        }
    }

    private void CopyContent(int source, in FileStat stat, int target, ulong targetDevice, CancellationToken ct)
    {
        if (_unshareable is not { } pair || pair.From != stat.Device || pair.To != targetDevice)
        {
            if (ContentCopier.TryShare(source, target))
            {
                return;
            }

            _unshareable = new Unshareable(stat.Device, targetDevice);
        }

        // What takes as much room as it is long has no holes.
        ContentCopier.CopyBytes(source, target, stat.Size, stat.Blocks * BytesOfBlock >= stat.Size, makesHoles, ct);
    }

    // In the order that CopyMetadata explains, without what the file has already.
    private void CompleteFile(SafeFileHandle fromDirectory, FileName fromName, in FileStat stat, SafeFileHandle target, in FileStat made)
    {
        if (made.UserId != stat.UserId || made.GroupId != stat.GroupId)
        {
            calls.SetOwner(target, default, stat.UserId, stat.GroupId);
        }

        // An ACL changes the mode.
        if (CopyAttributes(fromDirectory, fromName, target, default) || made.Permissions != stat.Permissions)
        {
            calls.SetMode(target, default, stat.Permissions);
        }

        calls.SetTimes(target, default, stat.AccessTime, stat.ModifiedTime);
    }

    private SafeFileHandle OpenForReading(SafeFileHandle directory, FileName name, in FileStat stat)
    {
        const OpenFlags Flags = OpenFlags.Read | OpenFlags.NoFollow | OpenFlags.NonBlocking;
        var errno = calls.TryOpen(directory, name, Flags, 0, Resolve.NoSymlinks, out var source);
        if (errno == Errno.EACCES && (stat.RawMode & OwnerRead) == 0 && calls.TrySetMode(directory, name, stat.Permissions | OwnerRead) == 0)
        {
            // Root inside may read a file of mode 0; its user outside owns the file, but has to ask for the right.
            errno = calls.TryOpen(directory, name, Flags, 0, Resolve.NoSymlinks, out source);
            _ = calls.TrySetMode(directory, name, stat.Permissions);
        }

        LinuxException.ThrowIf(errno, $"open '{name}'");
        return source;
    }

    private bool CopyAttributes(SafeFileHandle fromDirectory, FileName fromName, SafeFileHandle toDirectory, FileName toName)
    {
        // Nearly every object has none: one call, and nothing allocated.
        var errno = calls.TryListAttributes(fromDirectory, fromName, default, out var length);
        if (errno == Errno.EOPNOTSUPP || (errno == 0 && length == 0))
        {
            return false;
        }

        foreach (var attribute in calls.ListAttributes(fromDirectory, fromName))
        {
            if (isOwnAttribute(attribute) || calls.GetAttribute(fromDirectory, fromName, attribute) is not { } value)
            {
                continue;
            }

            errno = calls.TrySetAttribute(toDirectory, toName, attribute, value);
            errno = errno == Errno.EOPNOTSUPP && losesAttributes ? 0 : errno;

            if (errno != 0 && !IsSetByKernel(attribute))
            {
                throw new LinuxException(errno, $"keep the attribute '{attribute}' of '{fromName.ToString()}'");
            }
        }

        return true;
    }

    // A security module labels new files itself, and lets nobody else do it.
    private static bool IsSetByKernel(string attribute) => attribute is "security.selinux" or "security.ima" or "security.evm";

    private sealed record Unshareable(ulong From, ulong To);
}
