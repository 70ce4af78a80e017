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
internal sealed class ObjectCopier(FileCalls calls, Func<string, bool> isOwnAttribute, bool losesAttributes = false, bool makesHoles = false)
{
    private const int PrivateFile = 0x180, PrivateDirectory = 0x1C0, OwnerRead = 0x100;

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
                CopyFile(fromDirectory, fromName, stat, toDirectory, toName, withContent, ct);
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

    private void CopyFile(
        SafeFileHandle fromDirectory, FileName fromName, in FileStat stat, SafeFileHandle toDirectory, FileName toName, bool withContent, CancellationToken ct)
    {
        using var target = calls.Open(toDirectory, toName, OpenFlags.ReadWrite | OpenFlags.Create | OpenFlags.Exclusive | OpenFlags.NoFollow, PrivateFile);
        if (!withContent || stat.Size == 0)
        {
            CopyMetadata(fromDirectory, fromName, stat, target, default);
            return;
        }

        // Without a name it is the open file itself.
        using var opened = fromName.IsEmpty ? null : OpenForReading(fromDirectory, fromName, stat);
        var source = opened ?? fromDirectory;
        ContentCopier.Copy(source, target, stat.Size, makesHoles, ct);
        CopyMetadata(source, default, stat, target, default);
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

    private void CopyAttributes(SafeFileHandle fromDirectory, FileName fromName, SafeFileHandle toDirectory, FileName toName)
    {
        // Nearly every object has none: one call, and nothing allocated.
        var errno = calls.TryListAttributes(fromDirectory, fromName, default, out var length);
        if (errno == Errno.EOPNOTSUPP || (errno == 0 && length == 0))
        {
            return;
        }

        foreach (var attribute in calls.ListAttributes(fromDirectory, fromName))
        {
            if (isOwnAttribute(attribute) || calls.GetAttribute(fromDirectory, fromName, attribute) is not { } value)
            {
                continue;
            }

            errno = calls.TrySetAttribute(toDirectory, toName, attribute, value);
            errno = errno == Errno.EOPNOTSUPP && losesAttributes ? 0 : errno;

            // A security module labels new files itself, and lets nobody else do it.
            if (errno != 0 && attribute is not ("security.selinux" or "security.ima" or "security.evm"))
            {
                throw new LinuxException(errno, $"keep the attribute '{attribute}' of '{fromName.ToString()}'");
            }
        }
    }
}
