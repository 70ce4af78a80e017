using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union;

/// <summary>
/// What a user namespace with one id sees of a tree with records: everything belongs to its root, for it knows nobody else. The
/// recorded owners stay what they are, whatever is done to the files.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class SingleIdOwnership(RecordedOwnership recorded) : TreeOwnership
{
    public override bool IsOnFiles => false;

    public override bool IsOwnAttribute(string attribute) => recorded.IsOwnAttribute(attribute);

    public override FileKind DiskTypeOf(FileKind kind) => recorded.DiskTypeOf(kind);

    public override int DiskModeOf(in WantedStat wanted) => recorded.DiskModeOf(wanted);

    public override FileStat Translate(FileCalls calls, SafeFileHandle directory, FileName name, in FileStat disk) =>
        recorded.Translate(calls, directory, name, disk) with { UserId = 0, GroupId = 0 };

    public override int TryDescribe(FileCalls calls, SafeFileHandle directory, FileName name, in WantedStat wanted, int? madeAs) =>
        recorded.TryDescribe(calls, directory, name, wanted, madeAs);

    public override int TryChange(FileCalls calls, SafeFileHandle directory, FileName name, in WantedStat present, in WantedStat wanted)
    {
        var errno = calls.TryStat(directory, name, out var disk);
        if (errno != 0)
        {
            return errno;
        }

        var real = WantedStat.Of(recorded.Translate(calls, directory, name, disk));
        return recorded.TryChange(calls, directory, name, real, real with { Mode = wanted.Mode });
    }

    public override void Unlock(FileCalls calls, SafeFileHandle directory, FileName name, in FileStat disk) => recorded.Unlock(calls, directory, name, disk);
}
