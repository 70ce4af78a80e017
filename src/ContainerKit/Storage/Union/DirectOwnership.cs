using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union;

/// <summary>Everything is on the files themselves: what the calls say is what the container sees.</summary>
[SupportedOSPlatform("linux")]
internal class DirectOwnership : TreeOwnership
{
    public override bool RecordsDevices => false;

    public override bool IsOwnAttribute(string attribute) => false;

    public override FileStat Translate(FileCalls calls, SafeFileHandle directory, FileName name, in FileStat disk) => disk;

    public override FileKind DiskTypeOf(FileKind kind) => kind;

    public override int DiskModeOf(in WantedStat wanted) => wanted.Mode;

    public override int TryDescribe(FileCalls calls, SafeFileHandle directory, FileName name, in WantedStat wanted, int? madeAs)
    {
        // The owner first: a change of owner clears set-user-ID, set-group-ID and capabilities.
        var isOurs = madeAs is not null && (wanted.UserId, wanted.GroupId) == (0u, 0u) && Environment.IsPrivilegedProcess;
        var errno = isOurs ? 0 : calls.TrySetOwner(directory, name, wanted.UserId, wanted.GroupId);
        return errno != 0 || wanted.Kind == FileKind.Symlink || (isOurs && madeAs == wanted.Mode)
            ? errno
            : calls.TrySetMode(directory, name, wanted.Mode);
    }

    // The owner is right already, and the group may be one that a set-group-ID directory handed on.
    public override int TryDescribeNew(FileCalls calls, SafeFileHandle directory, FileName name, in WantedStat wanted) =>
        calls.TrySetMode(directory, name, wanted.Mode);

    // A change of owner, even to the same one, costs a file its capabilities: so it is made only when it is one.
    public override int TryChange(FileCalls calls, SafeFileHandle directory, FileName name, in WantedStat present, in WantedStat wanted)
    {
        var isNewOwner = (present.UserId, present.GroupId) != (wanted.UserId, wanted.GroupId);
        var errno = isNewOwner ? calls.TrySetOwner(directory, name, wanted.UserId, wanted.GroupId) : 0;
        return errno != 0 || wanted.Kind == FileKind.Symlink ? errno : calls.TrySetMode(directory, name, wanted.Mode);
    }

    public override void Unlock(FileCalls calls, SafeFileHandle directory, FileName name, in FileStat disk)
    {
    }
}
