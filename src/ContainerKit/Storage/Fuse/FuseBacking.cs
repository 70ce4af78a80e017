using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Fuse;

/// <summary>
/// One node's backing file with the kernel, and how many of the node's open files use it. A part of the node, changed only under the node's lock.
/// </summary>
/// <remarks>
/// The kernel wants all of a node's open files to be of one kind, passed through to one file or cached, and fails an open that is not with EIO.
/// The registration stays when the last file is closed, for the next open: <see cref="TryLetGo"/> when the node is forgotten, or gets another file.
/// </remarks>
[SupportedOSPlatform("linux")]
internal struct FuseBacking
{
    private int _id;
    private int _passed;
    private int _cached;

    /// <summary>Whether open files read and write the backing file behind the server's back.</summary>
    public readonly bool IsInUse => _passed > 0;

    /// <summary>
    /// Counts an open file, and says in <paramref name="reply"/> whether it is passed through: to <paramref name="file"/>, which holds the node's data, and is
    /// null where passthrough is not wanted (a writable file with set-ID bits, which the kernel would not take away).
    /// </summary>
    public void Open(FuseKernel kernel, SafeFileHandle? file, ref FuseOpenReply reply)
    {
        var passes = _cached == 0 && (_passed > 0 || (file is not null && kernel.Passthrough.IsActive && Register(kernel, file)));
        if (passes)
        {
            _passed++;
            reply.Flags |= FuseOpenFlags.Passthrough;
            reply.BackingId = _id;
        }
        else
        {
            _cached++;
        }
    }

    /// <summary>Counts an open file no more: one that <see cref="Open"/> gave these flags.</summary>
    public void Close(FuseOpenFlags flags)
    {
        if ((flags & FuseOpenFlags.Passthrough) != 0)
        {
            _passed--;
        }
        else
        {
            _cached--;
        }
    }

    /// <summary>Ends the registration, so that the next open may be given another file. False while open files are passed through to this one.</summary>
    public bool TryLetGo(FuseKernel kernel)
    {
        if (_passed > 0)
        {
            return false;
        }

        if (_id != 0)
        {
            kernel.CloseBacking(_id);
            _id = 0;
        }

        return true;
    }

    private bool Register(FuseKernel kernel, SafeFileHandle file) => _id != 0 || kernel.TryOpenBacking(file, out _id) == 0;
}
