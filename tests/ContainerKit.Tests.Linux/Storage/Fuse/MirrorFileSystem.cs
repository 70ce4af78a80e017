using System.Collections.Concurrent;
using ContainerKit.Linux;
using ContainerKit.Storage.Fuse;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Tests.Linux.Storage.Fuse;

/// <summary>Shows a directory as it is: the smallest file system that makes the kernel send every request. Nodes are open handles, and are never forgotten.</summary>
internal sealed class MirrorFileSystem(string directory) : FuseFileSystem
{
    private const int ReadWrite = 2, WriteOnly = 1, Truncate = 0x200, AccessMask = 3;

    private readonly ConcurrentDictionary<ulong, Node> _nodes = new();
    private readonly ConcurrentDictionary<ulong, (SafeFileHandle File, FuseOpenFlags Flags)> _open = new();
    private readonly Lock _gate = new();
    private FuseKernel? _kernel;
    private ulong _lastHandle;

    public FuseKernel Kernel => _kernel!;

    public int Stops { get; private set; }

    public int OpenFiles => _open.Count;

    /// <summary>What a lookup of a name does before anything else: tests make it fail or wait.</summary>
    public Action<string, FuseRequest>? OnLookup { get; set; }

    public override void Start(FuseKernel kernel)
    {
        _kernel = kernel;
        _nodes[RootNode] = new Node(FileCalls.Local.Open(null, directory, OpenFlags.PathOnly | OpenFlags.Directory, resolve: Resolve.Host));
    }

    public override void Stop()
    {
        Stops++;
        foreach (var node in _nodes.Values)
        {
            node.Handle.Dispose();
        }
    }

    public override int Lookup(in FuseRequest request, ulong parent, ReadOnlySpan<byte> name, out FuseEntry entry)
    {
        entry = default;
        OnLookup?.Invoke(LinuxPath.Decode(name), request);
        return Find(_nodes[parent].Handle, name, out entry);
    }

    public override void Forget(ulong node, ulong count)
    {
    }

    public override int GetAttributes(in FuseRequest request, ulong node, ulong? handle, bool needsBirthTime, out FuseAttributesReply reply)
    {
        var errno = FileCalls.Local.TryStat(_nodes[node].Handle, default, out var stat);
        reply = new FuseAttributesReply
        {
            Attributes = FuseAttributes.From(stat, stat.Inode),
            Valid = 0,
            BirthTime = needsBirthTime ? new UnixTime(1_000_000_000, 5) : null,
        };
        return errno;
    }

    public override int SetAttributes(in FuseRequest request, ulong node, in FuseAttributesChange change, out FuseAttributesReply reply)
    {
        var handle = _nodes[node].Handle;
        var errno = change.Mode is { } mode ? FileCalls.Local.TrySetMode(handle, default, (int)mode & 0xFFF) : 0;
        errno = errno == 0 && (change.UserId ?? change.GroupId) is not null
            ? FileCalls.Local.TrySetOwner(handle, default, change.UserId ?? uint.MaxValue, change.GroupId ?? uint.MaxValue)
            : errno;
        if (errno == 0 && change.Size is { } size)
        {
            using var file = Reopen(handle, OpenFlags.Write);
            RandomAccess.SetLength(file, size);
        }

        var now = UnixTime.From(DateTimeOffset.UtcNow);
        var access = change.IsAccessTimeNow ? now : change.AccessTime;
        var modified = change.IsModifiedTimeNow ? now : change.ModifiedTime;
        errno = errno == 0 && (access ?? modified) is not null ? FileCalls.Local.TrySetTimes(handle, default, access, modified) : errno;
        GetAttributes(request, node, null, false, out reply);
        return errno;
    }

    public override int ReadLink(in FuseRequest request, ulong node, Span<byte> target, out int length) =>
        FileCalls.Local.TryReadLink(_nodes[node].Handle, default, target, out length);

    public override int MakeNode(in FuseRequest request, ulong parent, ReadOnlySpan<byte> name, uint mode, uint device, out FuseEntry entry)
    {
        var errno = FileCalls.Local.TryMakeNode(
            _nodes[parent].Handle, name, mode & ~request.Umask, FuseAttributes.DeviceMajor(device), FuseAttributes.DeviceMinor(device));
        return Made(errno, parent, name, out entry);
    }

    public override int MakeDirectory(in FuseRequest request, ulong parent, ReadOnlySpan<byte> name, uint mode, out FuseEntry entry) =>
        Made(FileCalls.Local.TryMakeDirectory(_nodes[parent].Handle, name, (int)(mode & ~request.Umask)), parent, name, out entry);

    public override int MakeSymlink(in FuseRequest request, ulong parent, ReadOnlySpan<byte> name, ReadOnlySpan<byte> target, out FuseEntry entry) =>
        Made(FileCalls.Local.TryMakeSymlink(target, _nodes[parent].Handle, name), parent, name, out entry);

    public override int Unlink(in FuseRequest request, ulong parent, ReadOnlySpan<byte> name) =>
        FileCalls.Local.TryUnlink(_nodes[parent].Handle, name, isDirectory: false);

    public override int RemoveDirectory(in FuseRequest request, ulong parent, ReadOnlySpan<byte> name) =>
        FileCalls.Local.TryUnlink(_nodes[parent].Handle, name, isDirectory: true);

    public override int Rename(
        in FuseRequest request, ulong oldParent, ReadOnlySpan<byte> oldName, ulong newParent, ReadOnlySpan<byte> newName, RenameFlags flags) =>
        FileCalls.Local.TryRename(_nodes[oldParent].Handle, oldName, _nodes[newParent].Handle, newName, flags);

    public override int Link(in FuseRequest request, ulong node, ulong newParent, ReadOnlySpan<byte> newName, out FuseEntry entry) =>
        Made(FileCalls.Local.TryLink(_nodes[node].Handle, default, _nodes[newParent].Handle, newName), newParent, newName, out entry);

    public override int Open(in FuseRequest request, ulong node, uint flags, bool killsPrivileges, out FuseOpenReply reply)
    {
        var file = Reopen(_nodes[node].Handle, Access(flags));
        if ((flags & Truncate) != 0)
        {
            RandomAccess.SetLength(file, 0);
        }

        reply = Opened(node, file);
        return 0;
    }

    public override int Create(
        in FuseRequest request, ulong parent, ReadOnlySpan<byte> name, uint mode, uint flags, out FuseEntry entry, out FuseOpenReply reply)
    {
        reply = default;
        entry = default;
        var errno = FileCalls.Local.TryOpen(
            _nodes[parent].Handle, name, Access(flags) | OpenFlags.Create | OpenFlags.NoFollow, (int)(mode & ~request.Umask & 0xFFF), Resolve.NoSymlinks, out var file);
        errno = errno != 0 ? errno : Find(_nodes[parent].Handle, name, out entry);
        reply = errno == 0 ? Opened(entry.NodeId, file) : default;
        return errno;
    }

    public override int MakeNameless(in FuseRequest request, ulong parent, uint mode, uint flags, out FuseEntry entry, out FuseOpenReply reply)
    {
        reply = default;
        entry = default;
        var errno = FileCalls.Local.TryOpen(
            null, $"/proc/self/fd/{_nodes[parent].Handle.DangerousGetHandle()}", OpenFlags.Nameless | OpenFlags.ReadWrite, (int)(mode & 0xFFF), Resolve.Host, out var file);
        if (errno == 0)
        {
            entry = Enter(Reopen(file, OpenFlags.PathOnly), FileCalls.Local.Stat(file));
            reply = Opened(entry.NodeId, file);
        }

        return errno;
    }

    public override int Read(in FuseRequest request, ulong node, ulong handle, long offset, Span<byte> data, out int count)
    {
        count = RandomAccess.Read(_open[handle].File, data, offset);
        return 0;
    }

    public override int Write(
        in FuseRequest request, ulong node, ulong handle, long offset, ReadOnlySpan<byte> data, bool killsPrivileges, out int count)
    {
        RandomAccess.Write(_open[handle].File, data, offset);
        count = data.Length;
        return 0;
    }

    public override void Release(ulong node, ulong handle)
    {
        _open.TryRemove(handle, out var open);
        open.File.Dispose();
        lock (_gate)
        {
            _nodes[node].Backing.Close(open.Flags);
        }
    }

    public override int Synchronize(in FuseRequest request, ulong node, ulong handle, bool dataOnly) => 0;

    public override int Allocate(in FuseRequest request, ulong node, ulong handle, long offset, long length, int mode) => Errno.EOPNOTSUPP;

    public override int Seek(in FuseRequest request, ulong node, ulong handle, long offset, int whence, out long result)
    {
        result = LibC.lseek64((int)_open[handle].File.DangerousGetHandle(), offset, whence);
        return result < 0 ? Errno.ENXIO : 0;
    }

    public override int CopyRange(
        in FuseRequest request, ulong fromNode, ulong fromHandle, long fromOffset, ulong toNode, ulong toHandle, long toOffset, long length, out long count)
    {
        var buffer = new byte[Math.Min(length, 1 << 20)];
        count = RandomAccess.Read(_open[fromHandle].File, buffer, fromOffset);
        RandomAccess.Write(_open[toHandle].File, buffer.AsSpan(0, (int)count), toOffset);
        return 0;
    }

    public override int ReadDirectory(in FuseRequest request, ulong node, ulong handle, ulong offset, ref FuseDirectoryWriter writer)
    {
        using var listed = Reopen(_nodes[node].Handle, OpenFlags.Directory);
        var names = DirectoryEntries.NamesOf(listed);
        for (var i = (int)offset; i < names.Count; i++)
        {
            var name = LinuxPath.Encode(names[i]);
            if (Find(_nodes[node].Handle, name, out var entry) == 0 && !writer.TryAdd(name, entry, (ulong)i + 1))
            {
                break;
            }
        }

        return 0;
    }

    public override int SynchronizeDirectory(in FuseRequest request, ulong node, ulong handle, bool dataOnly) => 0;

    public override int GetStatistics(in FuseRequest request, ulong node, out FuseStatistics statistics)
    {
        statistics = new FuseStatistics { BlockSize = 4096, FragmentSize = 4096, Blocks = 1000, BlocksFree = 500, BlocksAvailable = 400, NameLength = 255 };
        return 0;
    }

    public override int SetExtendedAttribute(
        in FuseRequest request, ulong node, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, int flags, bool killsSetGroupId) =>
        FileCalls.Local.TrySetAttribute(_nodes[node].Handle, default, name, value);

    public override int GetExtendedAttribute(in FuseRequest request, ulong node, ReadOnlySpan<byte> name, Span<byte> value, out int length) =>
        FileCalls.Local.TryGetAttribute(_nodes[node].Handle, default, name, value, out length);

    public override int ListExtendedAttributes(in FuseRequest request, ulong node, Span<byte> names, out int length) =>
        FileCalls.Local.TryListAttributes(_nodes[node].Handle, default, names, out length);

    public override int RemoveExtendedAttribute(in FuseRequest request, ulong node, ReadOnlySpan<byte> name) =>
        FileCalls.Local.TryRemoveAttribute(_nodes[node].Handle, default, name);

    public override int SynchronizeAll(in FuseRequest request) => 0;

    private static OpenFlags Access(uint flags) => (flags & AccessMask) is ReadWrite or WriteOnly ? OpenFlags.ReadWrite : OpenFlags.Read;

    private static SafeFileHandle Reopen(SafeFileHandle handle, OpenFlags flags) =>
        FileCalls.Local.Open(null, $"/proc/self/fd/{handle.DangerousGetHandle()}", flags, resolve: Resolve.Host);

    private FuseOpenReply Opened(ulong node, SafeFileHandle file)
    {
        var reply = new FuseOpenReply { Handle = Interlocked.Increment(ref _lastHandle) };
        lock (_gate)
        {
            _nodes[node].Backing.Open(Kernel, file, ref reply);
        }

        _open[reply.Handle] = (file, reply.Flags);
        return reply;
    }

    private int Made(int errno, ulong parent, ReadOnlySpan<byte> name, out FuseEntry entry)
    {
        entry = default;
        return errno != 0 ? errno : Find(_nodes[parent].Handle, name, out entry);
    }

    private int Find(SafeFileHandle parent, ReadOnlySpan<byte> name, out FuseEntry entry)
    {
        entry = default;
        var errno = FileCalls.Local.TryOpen(parent, name, OpenFlags.PathOnly | OpenFlags.NoFollow, 0, Resolve.NoSymlinks, out var handle);
        if (errno == 0)
        {
            entry = Enter(handle, FileCalls.Local.Stat(handle));
        }

        return errno;
    }

    private FuseEntry Enter(SafeFileHandle handle, in FileStat stat)
    {
        _nodes.TryAdd(stat.Inode, new Node(handle));
        return new FuseEntry { NodeId = stat.Inode, EntryValid = FuseEntry.Forever, Attributes = FuseAttributes.From(stat, stat.Inode) };
    }

    private sealed class Node(SafeFileHandle handle)
    {
        public readonly SafeFileHandle Handle = handle;
        public FuseBacking Backing;
    }
}
