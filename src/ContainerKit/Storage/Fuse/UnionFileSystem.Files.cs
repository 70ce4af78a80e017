using System.Runtime.InteropServices;
using ContainerKit.Linux;
using ContainerKit.Storage.Union.Core;

namespace ContainerKit.Storage.Fuse;

// Open files. What was opened is told by the node; the handle only says how.
internal sealed partial class UnionFileSystem
{
    private const uint WriteOnly = 1, ReadWrite = 2, ExclusiveFlag = 0x80, TruncateFlag = 0x200;
    private const ulong IsWriter = 1UL << 32;
    private const int SetIds = 0xC00;

    private readonly Dictionary<ulong, int> _writers = [];
    private int _passedWriters;

    /// <summary>Whether the kernel writes files of the writable branch by itself now: then no branch can come on top of it.</summary>
    public bool HasPassedWriters => Volatile.Read(ref _passedWriters) > 0;

    /// <summary>
    /// Whether also files of read-only branches are passed through. Whoever opened one before it was copied up goes on with what it was, and his locks and watches
    /// are of that.
    /// </summary>
    public bool PassesLowerFiles { get; init; }

    /// <summary>
    /// Returns when what programs had written into maps of files has arrived here. Never to be called while a request is being answered.
    /// </summary>
    /// <remarks>
    /// syncfs(2) on FUSE has these writes sent and does not wait for them. To drop its pages the kernel must wait until each is written.
    /// </remarks>
    public void AwaitMappedWrites()
    {
        lock (_writers)
        {
            foreach (var node in _writers.Keys)
            {
                Kernel.InvalidateData(node);
            }
        }

        Kernel.WaitUntilTold();
    }

    public override int Open(in FuseRequest request, ulong node, uint flags, bool killsPrivileges, out FuseOpenReply reply)
    {
        reply = default;
        if (union.Find(node) is not { } inode)
        {
            return Errno.ESTALE;
        }

        var isWriting = (flags & (WriteOnly | ReadWrite)) != 0;
        var errno = union.Open(inode, isWriting, (flags & TruncateFlag) != 0, killsPrivileges);
        return errno != 0 ? errno : PassThrough(inode, isWriting, ref reply);
    }

    public override int Create(
        in FuseRequest request, ulong parent, ReadOnlySpan<byte> name, uint mode, uint flags, out FuseEntry entry, out FuseOpenReply reply)
    {
        (entry, reply) = (default, default);
        if (union.Find(parent) is not DirectoryInode directory)
        {
            return Errno.ESTALE;
        }

        var errno = union.MakeFile(directory, name, mode, CallerOf(request), out var inode, out var stat);
        if (errno == Errno.EEXIST && (flags & ExclusiveFlag) == 0)
        {
            errno = union.LookUp(directory, name, out inode, out stat);
            if (errno != 0)
            {
                return errno;
            }

            errno = union.Open(inode, isForWriting: (flags & (WriteOnly | ReadWrite)) != 0, (flags & TruncateFlag) != 0, killsPrivileges: false);
            if (errno != 0)
            {
                union.Forget(inode, 1);
            }
        }

        if (errno != 0)
        {
            return errno;
        }

        entry = EntryOf(inode, stat);
        errno = PassThrough(inode, isWriting: true, ref reply);
        if (errno != 0)
        {
            union.Forget(inode, 1);
        }

        return errno;
    }

    public override int MakeNameless(in FuseRequest request, ulong parent, uint mode, uint flags, out FuseEntry entry, out FuseOpenReply reply)
    {
        (entry, reply) = (default, default);
        if (union.Find(parent) is not DirectoryInode directory)
        {
            return Errno.ESTALE;
        }

        var errno = union.MakeNameless(directory, mode, CallerOf(request), out var inode, out var stat);
        if (errno != 0)
        {
            return errno;
        }

        entry = EntryOf(inode, stat);
        return PassThrough(inode, isWriting: true, ref reply);
    }

    public override int Read(in FuseRequest request, ulong node, ulong handle, long offset, Span<byte> data, out int count)
    {
        count = 0;
        return union.Find(node) is { } inode ? union.Read(inode, offset, data, out count) : Errno.ESTALE;
    }

    public override int Write(
        in FuseRequest request, ulong node, ulong handle, long offset, ReadOnlySpan<byte> data, bool killsPrivileges, out int count)
    {
        count = 0;
        return union.Find(node) is { } inode ? union.Write(inode, offset, data, killsPrivileges, out count) : Errno.ESTALE;
    }

    public override void Release(ulong node, ulong handle)
    {
        if (union.Find(node) is not { } inode)
        {
            return;
        }

        if (inode.Tag is OpenFiles open)
        {
            lock (open)
            {
                open.Backing.Close((FuseOpenFlags)(uint)handle);
            }
        }

        if ((handle & IsWriter) != 0)
        {
            CountWriter(node, -1);
            if (((FuseOpenFlags)(uint)handle & FuseOpenFlags.Passthrough) != 0)
            {
                Interlocked.Decrement(ref _passedWriters);
            }
        }

        union.Close(inode);
    }

    public override int Synchronize(in FuseRequest request, ulong node, ulong handle, bool dataOnly) =>
        union.Find(node) is { } inode ? UnionCore.Synchronize(inode, dataOnly) : Errno.ESTALE;

    public override int Allocate(in FuseRequest request, ulong node, ulong handle, long offset, long length, int mode) =>
        union.Find(node) is { } inode ? union.Allocate(inode, offset, length, mode) : Errno.ESTALE;

    public override int Seek(in FuseRequest request, ulong node, ulong handle, long offset, int whence, out long result)
    {
        result = 0;
        return union.Find(node) is { } inode ? union.Seek(inode, offset, whence, out result) : Errno.ESTALE;
    }

    public override int CopyRange(
        in FuseRequest request, ulong fromNode, ulong fromHandle, long fromOffset, ulong toNode, ulong toHandle, long toOffset, long length, out long count)
    {
        count = 0;
        return union.Find(fromNode) is { } from && union.Find(toNode) is { } to
            ? union.CopyRange(from, fromOffset, to, toOffset, length, out count)
            : Errno.ESTALE;
    }

    public override int SynchronizeAll(in FuseRequest request) => union.SynchronizeAll();

    /// <summary>Lets the kernel read and write by itself where it can, and counts the open file.</summary>
    private int PassThrough(Inode inode, bool isWriting, ref FuseOpenReply reply)
    {
        OpenFiles open;
        lock (inode)
        {
            open = (OpenFiles)(inode.Tag ??= new OpenFiles());
        }

        lock (open)
        {
            // It was copied up since, and those who opened it before still have the lower file: the name gets a node of its own.
            if (!ReferenceEquals(open.Registered, inode.Branch) && !open.Backing.TryLetGo(Kernel))
            {
                union.Close(inode);
                _ = union.Detach(inode);
                return Errno.ESTALE;
            }

            open.Registered = inode.Branch;
            open.Backing.Open(Kernel, MayPass(inode) && !HasSetIds(inode, isWriting) ? inode.Data : null, ref reply);
            open.WasPassed |= (reply.Flags & FuseOpenFlags.Passthrough) != 0;
            // What the kernel wrote by itself is not in its cache, and a name that has to be put into the writable branch when it is read needs a read that arrives.
            if (!open.WasPassed && !union.HasUnshownName(inode) && Validity > 0)
            {
                reply.Flags |= FuseOpenFlags.KeepCache;
            }
        }

        reply.Flags |= FuseOpenFlags.NoFlush;
        reply.Handle = (uint)reply.Flags | (isWriting ? IsWriter : 0);
        if (isWriting)
        {
            CountWriter(inode.Id, 1);
            if ((reply.Flags & FuseOpenFlags.Passthrough) != 0)
            {
                Interlocked.Increment(ref _passedWriters);
            }
        }

        return 0;
    }

    private void CountWriter(ulong node, int change)
    {
        lock (_writers)
        {
            ref var count = ref CollectionsMarshal.GetValueRefOrAddDefault(_writers, node, out _);
            count += change;
            if (count == 0)
            {
                _writers.Remove(node);
            }
        }
    }

    // A file that may yet be copied up would be two then: one for those who opened it before, and one for all others.
    private bool MayPass(Inode inode) => Kernel.Passthrough.IsActive && (inode.Branch.IsWritable || PassesLowerFiles || union.IsReadOnly);

    // The kernel, writing with the server's rights, would leave them.
    private bool HasSetIds(Inode inode, bool isWriting) =>
        isWriting && union.GetAttributes(inode, out var stat) == 0 && (stat.Permissions & SetIds) != 0;

    private void LetBackingGo(Inode inode)
    {
        if (inode.Tag is OpenFiles open)
        {
            lock (open)
            {
                open.Backing.TryLetGo(Kernel);
            }
        }
    }

    /// <summary>What the kernel has of a file.</summary>
    private sealed class OpenFiles
    {
        public FuseBacking Backing;

        /// <summary>The branch whose file is registered.</summary>
        public Union.UnionBranch? Registered { get; set; }

        /// <summary>Whether the kernel ever read or wrote it by itself.</summary>
        public bool WasPassed { get; set; }
    }
}
