using System.Runtime.Versioning;
using ContainerKit.Linux;

namespace ContainerKit.Storage.Fuse;

/// <summary>What a file system answers when the kernel asks: one method per request of the FUSE protocol, none of which allocates.</summary>
/// <remarks>
/// <para>
/// <b>Threads.</b> Several workers call at the same time, on any node: the kernel only keeps two changes of the same directory apart.
/// A worker's umask is 0, and its own (unshare(CLONE_FS)), so what is made gets exactly the mode that is asked for.
/// </para>
/// <para>
/// <b>Answers.</b> Every method returns 0 or an <see cref="Errno"/>; on an error its out values are not looked at. ENOSYS means "never ask
/// this again" to the kernel, for the requests that default to it here. An exception becomes EIO for that request alone.
/// </para>
/// <para>
/// <b>Nodes.</b> The root is <see cref="RootNode"/> and needs no lookup. An entry that is answered with a node id counts as one lookup
/// (lookup, mknod, mkdir, symlink, link, create, tmpfile, each listed entry with an id); <see cref="Forget"/> gives counts back. A pair of id and generation is never used
/// for two objects. A name that is not there is answered with 0 and a node id of 0, which the kernel remembers for
/// <see cref="FuseEntry.EntryValid"/>; ENOENT is not remembered.
/// </para>
/// <para>
/// <b>Permissions.</b> The mount has <c>default_permissions</c>: the kernel has checked modes, ACLs and sticky bits before it asks. New
/// objects get the owner of the request; a set-group-ID parent, default ACLs and <see cref="FuseRequest.Umask"/> are the file system's business
/// (FUSE_DONT_MASK: the umask counts only where the parent has no default ACL). chown, write and truncate take set-ID bits and
/// <c>security.capability</c> away where they are told to (FUSE_HANDLE_KILLPRIV_V2).
/// </para>
/// <para>
/// <b>A node whose data must come from elsewhere.</b> While a descriptor is open with passthrough, the kernel holds the node to one
/// backing file. When an open for writing (or a truncate, chmod, …) needs another, that is when <see cref="FuseBacking.TryLetGo"/> says no, it is the <i>file system</i> that
/// copies up, detaches the node (the id stays valid for those who hold it, and means the old data), gives the name a new node at the next
/// lookup, and answers ESTALE. The kernel then walks the path again, asks for the name anew, and repeats the call: no program
/// notices. The server does nothing for it.
/// </para>
/// <para>
/// <b>Unlinked but open.</b> fstat(2) comes as <see cref="GetAttributes"/> without a handle, so a node that has lost its last name must keep a
/// descriptor of its own as long as it is known to the kernel.
/// </para>
/// </remarks>
[SupportedOSPlatform("linux")]
#pragma warning disable CS1573 // Request, node, handle and name are the same everywhere; the other parameters are explained.
internal abstract class FuseFileSystem
{
    public const ulong RootNode = 1;

    /// <summary>
    /// Whether directories have handles. Without, listing costs no request once the kernel has the names, and
    /// <see cref="ReadDirectory"/> gets a handle of 0; the names must then be told to be stale by <see cref="FuseKernel.InvalidateData"/>.
    /// </summary>
    public virtual bool OpensDirectories => false;

    /// <summary>Called once, before the first request, with the way back to the kernel.</summary>
    public abstract void Start(FuseKernel kernel);

    /// <summary>Called once, after the last request has been answered and all handles are gone with the mount.</summary>
    public abstract void Stop();

    public abstract int Lookup(in FuseRequest request, ulong parent, ReadOnlySpan<byte> name, out FuseEntry entry);

    /// <summary>Gives <paramref name="count"/> lookups back; no answer. At zero the node id may go.</summary>
    public abstract void Forget(ulong node, ulong count);

    /// <param name="handle">Null where the kernel has none at hand, though the file may be open.</param>
    /// <param name="needsBirthTime">Whether <see cref="FuseAttributesReply.BirthTime"/> is wanted.</param>
    public abstract int GetAttributes(in FuseRequest request, ulong node, ulong? handle, bool needsBirthTime, out FuseAttributesReply reply);

    public abstract int SetAttributes(in FuseRequest request, ulong node, in FuseAttributesChange change, out FuseAttributesReply reply);

    public abstract int ReadLink(in FuseRequest request, ulong node, Span<byte> target, out int length);

    /// <param name="mode">Type and permissions.</param>
    /// <param name="device">As in <c>st_rdev</c>, in the kernel's 32-bit form: <see cref="FuseAttributes.PackDevice"/>.</param>
    public abstract int MakeNode(in FuseRequest request, ulong parent, ReadOnlySpan<byte> name, uint mode, uint device, out FuseEntry entry);

    public abstract int MakeDirectory(in FuseRequest request, ulong parent, ReadOnlySpan<byte> name, uint mode, out FuseEntry entry);

    public abstract int MakeSymlink(in FuseRequest request, ulong parent, ReadOnlySpan<byte> name, ReadOnlySpan<byte> target, out FuseEntry entry);

    public abstract int Unlink(in FuseRequest request, ulong parent, ReadOnlySpan<byte> name);

    public abstract int RemoveDirectory(in FuseRequest request, ulong parent, ReadOnlySpan<byte> name);

    public abstract int Rename(
        in FuseRequest request, ulong oldParent, ReadOnlySpan<byte> oldName, ulong newParent, ReadOnlySpan<byte> newName, RenameFlags flags);

    public abstract int Link(in FuseRequest request, ulong node, ulong newParent, ReadOnlySpan<byte> newName, out FuseEntry entry);

    /// <summary>Opens a file.</summary>
    /// <param name="flags">open(2)'s, as the kernel of this machine numbers them. O_TRUNC is to be done here; O_CREAT, O_EXCL and O_NOCTTY never come.</param>
    /// <param name="killsPrivileges">Whether the truncation takes set-ID bits away.</param>
    public abstract int Open(in FuseRequest request, ulong node, uint flags, bool killsPrivileges, out FuseOpenReply reply);

    /// <summary>Makes and opens a file whose name the kernel has not seen. One that is there nevertheless is opened, unless <paramref name="flags"/> has O_EXCL.</summary>
    public abstract int Create(
        in FuseRequest request, ulong parent, ReadOnlySpan<byte> name, uint mode, uint flags, out FuseEntry entry, out FuseOpenReply reply);

    /// <summary>Makes and opens a file without a name, O_TMPFILE; <see cref="Link"/> may name it unless <paramref name="flags"/> has O_EXCL.</summary>
    public abstract int MakeNameless(in FuseRequest request, ulong parent, uint mode, uint flags, out FuseEntry entry, out FuseOpenReply reply);

    /// <summary>Fills <paramref name="data"/>, short only at the end of the file.</summary>
    public abstract int Read(in FuseRequest request, ulong node, ulong handle, long offset, Span<byte> data, out int count);

    /// <param name="killsPrivileges">Whether the write takes set-ID bits and capabilities away.</param>
    public abstract int Write(
        in FuseRequest request, ulong node, ulong handle, long offset, ReadOnlySpan<byte> data, bool killsPrivileges, out int count);

    /// <summary>A descriptor is closed, maybe one of several of the handle. Only for file systems that keep back writes.</summary>
    public virtual int Flush(in FuseRequest request, ulong node, ulong handle) => Errno.ENOSYS;

    /// <summary>The last descriptor of the handle is gone.</summary>
    public abstract void Release(ulong node, ulong handle);

    public abstract int Synchronize(in FuseRequest request, ulong node, ulong handle, bool dataOnly);

    public abstract int Allocate(in FuseRequest request, ulong node, ulong handle, long offset, long length, int mode);

    /// <param name="whence">SEEK_DATA or SEEK_HOLE; the kernel does the others.</param>
    public abstract int Seek(in FuseRequest request, ulong node, ulong handle, long offset, int whence, out long result);

    public abstract int CopyRange(
        in FuseRequest request, ulong fromNode, ulong fromHandle, long fromOffset, ulong toNode, ulong toHandle, long toOffset, long length, out long count);

    public virtual int OpenDirectory(in FuseRequest request, ulong node, uint flags, out FuseOpenReply reply)
    {
        reply = default;
        return Errno.ENOSYS;
    }

    /// <summary>Lists from <paramref name="offset"/> (0, or what an entry was added with) until the writer is full or the end is reached.</summary>
    public abstract int ReadDirectory(in FuseRequest request, ulong node, ulong handle, ulong offset, ref FuseDirectoryWriter writer);

    public virtual void ReleaseDirectory(ulong node, ulong handle)
    {
    }

    public abstract int SynchronizeDirectory(in FuseRequest request, ulong node, ulong handle, bool dataOnly);

    public abstract int GetStatistics(in FuseRequest request, ulong node, out FuseStatistics statistics);

    /// <param name="flags">XATTR_CREATE = 1, XATTR_REPLACE = 2.</param>
    /// <param name="killsSetGroupId">An access ACL is set by one who may not keep the set-group-ID bit: it goes.</param>
    public abstract int SetExtendedAttribute(
        in FuseRequest request, ulong node, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, int flags, bool killsSetGroupId);

    /// <summary>An empty <paramref name="value"/> asks for the length alone; a short one is answered with ERANGE.</summary>
    public abstract int GetExtendedAttribute(in FuseRequest request, ulong node, ReadOnlySpan<byte> name, Span<byte> value, out int length);

    /// <summary>The names, each with a terminating NUL. An empty <paramref name="names"/> asks for the length alone; a short one is answered with ERANGE.</summary>
    public abstract int ListExtendedAttributes(in FuseRequest request, ulong node, Span<byte> names, out int length);

    public abstract int RemoveExtendedAttribute(in FuseRequest request, ulong node, ReadOnlySpan<byte> name);

    /// <summary>syncfs(2): everything written so far goes to the disk.</summary>
    public abstract int SynchronizeAll(in FuseRequest request);
}
