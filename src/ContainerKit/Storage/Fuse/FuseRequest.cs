using System.Runtime.Versioning;

namespace ContainerKit.Storage.Fuse;

/// <summary>Who asks, and whether they still wait for the answer.</summary>
[SupportedOSPlatform("linux")]
internal readonly unsafe struct FuseRequest
{
    private readonly int* _interrupted;

    public FuseRequest(ulong unique, uint userId, uint groupId, uint processId, uint umask, int* interrupted)
    {
        Unique = unique;
        UserId = userId;
        GroupId = groupId;
        ProcessId = processId;
        Umask = umask;
        _interrupted = interrupted;
    }

    /// <summary>The kernel's number of the request.</summary>
    public ulong Unique { get; }

    /// <summary>The asker's file system ids, in the user namespace of the mount.</summary>
    public uint UserId { get; }

    /// <inheritdoc cref="UserId"/>
    public uint GroupId { get; }

    /// <summary>The asking thread, in the process namespace of the mount; 0 for the kernel itself.</summary>
    public uint ProcessId { get; }

    /// <summary>The asker's, with requests that make something; 0 with others.</summary>
    public uint Umask { get; }

    /// <summary>Whether a signal waits for the asker. Long work, such as copying up a large file, may end with EINTR then; it need not.</summary>
    public bool IsInterrupted => _interrupted is not null && Volatile.Read(ref *_interrupted) != 0;
}
