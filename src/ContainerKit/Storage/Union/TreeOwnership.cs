using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union;

/// <summary>Where the owners, modes and device numbers that the container sees are kept: translates between them and the disk.</summary>
[SupportedOSPlatform("linux")]
internal abstract class TreeOwnership
{
    /// <summary>On the files themselves: what the calls say is what the container sees.</summary>
    public static TreeOwnership Direct { get; } = new DirectOwnership();

    /// <summary>On the files themselves, but devices as records: for a user namespace with a range of ids, where nobody can make one.</summary>
    public static TreeOwnership Ranged { get; } = new RangedOwnership();

    /// <summary>
    /// In an attribute: on disk everything belongs to one user, who is root inside.
    /// </summary>
    /// <param name="userId">The owner on disk that means root inside, as the file calls see it.</param>
    /// <param name="groupId">The same for the group.</param>
    public static TreeOwnership Recorded(uint userId, uint groupId) => new RecordedOwnership(userId, groupId);

    /// <summary>The same tree as a mount shows it to those who live in it: the ids that they do not know are their root's.</summary>
    public virtual TreeOwnership InMount => this;

    /// <summary>Whether owner and mode are set on the files themselves: there, a change of owner costs a file its capabilities.</summary>
    public virtual bool IsOnFiles => true;

    /// <summary>Whether a regular file on disk may stand for a device.</summary>
    public virtual bool RecordsDevices => true;

    /// <summary>Whether an attribute is this class's own, and so never shown.</summary>
    public abstract bool IsOwnAttribute(string attribute);

    /// <summary>What the container sees, from what the disk has.</summary>
    public abstract FileStat Translate(FileCalls calls, SafeFileHandle directory, FileName name, in FileStat disk);

    /// <summary>Sets owner and mode of an object together; the object exists with the right type (see <see cref="DiskTypeOf"/>).</summary>
    /// <param name="calls">Who makes the calls.</param>
    /// <param name="directory">The directory that the object is in.</param>
    /// <param name="name">Its name.</param>
    /// <param name="wanted">What the container is to see: type, mode, owner, device numbers.</param>
    /// <param name="madeAs">The mode it was just made with, by this process's user, when that is certain; null otherwise.</param>
    /// <returns>0 or an <see cref="Errno"/>.</returns>
    public abstract int TryDescribe(FileCalls calls, SafeFileHandle directory, FileName name, in WantedStat wanted, int? madeAs);

    /// <summary>The same for an object that was just made, and belongs to root inside: it gets its mode, past the umask, and the record that it needs.</summary>
    /// <returns>0 or an <see cref="Errno"/>.</returns>
    public virtual int TryDescribeNew(FileCalls calls, SafeFileHandle directory, FileName name, in WantedStat wanted) =>
        TryDescribe(calls, directory, name, wanted, madeAs: null);

    /// <summary>Changes owner and mode of an object that has others.</summary>
    /// <returns>0 or an <see cref="Errno"/>.</returns>
    public virtual int TryChange(FileCalls calls, SafeFileHandle directory, FileName name, in WantedStat present, in WantedStat wanted) =>
        TryDescribe(calls, directory, name, wanted, madeAs: null);

    /// <summary>How an object must lie on disk.</summary>
    public abstract FileKind DiskTypeOf(FileKind kind);

    /// <summary>The mode to make an object with, so that this process can fill it.</summary>
    public abstract int DiskModeOf(in WantedStat wanted);

    /// <summary>Lets this process into a directory that it owns and was locked out of, without changing what the container sees.</summary>
    public abstract void Unlock(FileCalls calls, SafeFileHandle directory, FileName name, in FileStat disk);
}

/// <summary>Type, mode, owner and device numbers as the container is to see them.</summary>
internal readonly record struct WantedStat(FileKind Kind, int Mode, uint UserId, uint GroupId, uint DeviceMajor = 0, uint DeviceMinor = 0)
{
    public static WantedStat Of(in FileStat stat) => new(stat.Kind, stat.Permissions, stat.UserId, stat.GroupId, stat.DeviceMajor, stat.DeviceMinor);

    public static WantedStat Of(FileMetadata metadata) =>
        new(metadata.Kind, metadata.Mode, metadata.UserId, metadata.GroupId, metadata.DeviceMajor, metadata.DeviceMinor);
}
