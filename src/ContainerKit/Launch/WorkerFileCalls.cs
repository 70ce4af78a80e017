using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace ContainerKit.Launch;

/// <summary>File calls made by a <see cref="FileWorker"/>: as root of its user namespace.</summary>
/// <remarks>
/// Descriptors travel with each request, and the worker knows the first as 5 and the second as 6, because it has closed all others.
/// Calls that take paths only are made from the directory itself, which is the worker's working directory for the moment.
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed class WorkerFileCalls(Func<FileWorker> worker) : FileCalls
{
    private static readonly int StatSize = Unsafe.SizeOf<statx>();

    private const int First = FileWorkerProgram.FirstReceived, Second = First + 1;

    public override int TryReopen(SafeFileHandle handle, OpenFlags flags, out SafeFileHandle reopened) =>
        Open(handle, AT_FDCWD, $"/proc/self/fd/{First}", flags, 0, Resolve.Host, out reopened);

    public override int TryOpen(SafeFileHandle? directory, FileName path, OpenFlags flags, int mode, Resolve resolve, out SafeFileHandle handle) =>
        Open(directory, directory is null ? AT_FDCWD : First, path, flags, mode, resolve, out handle);

    public override int TryStat(SafeFileHandle directory, FileName name, out FileStat stat)
    {
        Span<byte> answer = stackalloc byte[StatSize];
        var result = Perform(directory, null, answer, out _, new Name(name), default, (request, name, _) =>
            request.Finish(SystemCall.statx, First, request.Text(name), AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, request.Room(StatSize)));
        stat = result == 0 ? LocalFileCalls.ToStat(MemoryMarshal.Read<statx>(answer)) : default;
        return ErrnoOf(result);
    }

    public override int TryMakeDirectory(SafeFileHandle directory, FileName name, int mode) =>
        Do(directory, name, (request, name, _) => request.Finish(SystemCall.mkdirat, First, request.Text(name), mode));

    public override int TryMakeNode(SafeFileHandle directory, FileName name, uint rawMode, uint major, uint minor) =>
        Do(directory, name, (request, name, _) =>
            request.Finish(SystemCall.mknodat, First, request.Text(name), rawMode, (long)LocalFileCalls.DeviceNumber(major, minor)));

    public override int TryMakeSymlink(FileName target, SafeFileHandle directory, FileName name) =>
        ErrnoOf(Perform(directory, null, [], out _, new Name(name), new Name(target), (request, name, target) =>
            request.Finish(SystemCall.symlinkat, request.Text(target), First, request.Text(name))));

    public override int TryLink(SafeFileHandle oldDirectory, FileName oldName, SafeFileHandle newDirectory, FileName newName)
    {
        var isHandle = oldName.IsEmpty;
        var old = new Name(isHandle ? $"/proc/self/fd/{First}" : oldName);
        return ErrnoOf(Perform(oldDirectory, newDirectory, [], out _, old, new Name(newName), (request, old, name) =>
            request.Finish(SystemCall.linkat, isHandle ? AT_FDCWD : First, request.Text(old), Second, request.Text(name), isHandle ? AT_SYMLINK_FOLLOW : 0)));
    }

    public override int TryRename(SafeFileHandle oldDirectory, FileName oldName, SafeFileHandle newDirectory, FileName newName, RenameFlags flags) =>
        ErrnoOf(Perform(oldDirectory, newDirectory, [], out _, new Name(oldName), new Name(newName), (request, old, name) =>
            request.Finish(SystemCall.renameat2, First, request.Text(old), Second, request.Text(name), (long)flags)));

    public override int TryUnlink(SafeFileHandle directory, FileName name, bool isDirectory) =>
        Do(directory, name, (request, name, _) =>
            request.Finish(SystemCall.unlinkat, First, request.Text(name), isDirectory ? AT_REMOVEDIR : 0));

    public override int TryReadLink(SafeFileHandle directory, FileName name, Span<byte> target, out int length)
    {
        var room = target.Length;
        return ErrnoOf(
            Perform(directory, null, target, out _, new Name(name), default, (request, name, _) =>
                request.Finish(SystemCall.readlinkat, First, request.Text(name), request.Room(room), room)),
            out length);
    }

    public override int TrySetOwner(SafeFileHandle directory, FileName name, uint userId, uint groupId) =>
        Do(directory, name, (request, name, _) =>
            request.Finish(SystemCall.fchownat, First, request.Text(name), userId, groupId, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH));

    public override int TrySetMode(SafeFileHandle directory, FileName name, int mode)
    {
        // As in LocalFileCalls: pin the object, look at it, and change what was pinned.
        SafeFileHandle? pinned = null;
        if (!name.IsEmpty && TryOpen(directory, name, OpenFlags.PathOnly | OpenFlags.NoFollow, 0, Resolve.Host, out pinned) is var errno and not 0)
        {
            return errno;
        }

        using (pinned)
        {
            errno = TryStat(pinned ?? directory, default, out var stat);
            return errno != 0 ? errno
                : stat.IsSymlink ? Errno.EOPNOTSUPP
                : Do(pinned ?? directory, $"/proc/self/fd/{First}", (request, path, _) =>
                    request.Finish(SystemCall.fchmodat, AT_FDCWD, request.Text(path), mode));
        }
    }

    public override int TrySetTimes(SafeFileHandle directory, FileName name, UnixTime? accessTime, UnixTime? modifiedTime)
    {
        long[] times =
        [
            accessTime?.Seconds ?? 0, accessTime?.Nanoseconds ?? ContainerKit.Linux.LibC.UTIME_OMIT,
            modifiedTime?.Seconds ?? 0, modifiedTime?.Nanoseconds ?? ContainerKit.Linux.LibC.UTIME_OMIT,
        ];
        var flags = AT_SYMLINK_NOFOLLOW | (name.IsEmpty ? AT_EMPTY_PATH : 0);
        return Do(directory, name, (request, name, _) =>
            request.Finish(SystemCall.utimensat, First, request.Text(name), request.Bytes(MemoryMarshal.AsBytes(times.AsSpan())), flags));
    }

    public override int TrySetAttribute(SafeFileHandle directory, FileName name, FileName attribute, ReadOnlySpan<byte> value)
    {
        var content = value.ToArray();
        return ErrnoOf(Attribute(directory, name, attribute, [], (request, attribute, isHandle, path) =>
            request.Finish(isHandle ? SystemCall.setxattr : SystemCall.lsetxattr, path, request.Text(attribute), request.Bytes(content), content.Length, 0)));
    }

    public override int TryGetAttribute(SafeFileHandle directory, FileName name, FileName attribute, Span<byte> value, out int length)
    {
        var room = value.Length;
        return ErrnoOf(
            Attribute(directory, name, attribute, value, (request, attribute, isHandle, path) =>
                request.Finish(isHandle ? SystemCall.getxattr : SystemCall.lgetxattr, path, request.Text(attribute), request.Room(room), room)),
            out length);
    }

    public override int TryListAttributes(SafeFileHandle directory, FileName name, Span<byte> names, out int length)
    {
        var room = names.Length;
        return ErrnoOf(
            Attribute(directory, name, default, names, (request, _, isHandle, path) =>
                request.Finish(isHandle ? SystemCall.listxattr : SystemCall.llistxattr, path, request.Room(room), room)),
            out length);
    }

    public override int TryRemoveAttribute(SafeFileHandle directory, FileName name, FileName attribute) =>
        ErrnoOf(Attribute(directory, name, attribute, [], (request, attribute, isHandle, path) =>
            request.Finish(isHandle ? SystemCall.removexattr : SystemCall.lremovexattr, path, request.Text(attribute))));

    private delegate void Composer(WorkerRequest request, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second);

    private delegate void AttributeComposer(WorkerRequest request, ReadOnlySpan<byte> attribute, bool isHandle, long path);

    private int Open(SafeFileHandle? sent, int from, FileName path, OpenFlags flags, int mode, Resolve resolve, out SafeFileHandle handle)
    {
        Span<byte> how = stackalloc byte[24];
        MemoryMarshal.Write(how, (ulong)(uint)LocalFileCalls.ToNative(flags));
        MemoryMarshal.Write(how[8..], (flags & (OpenFlags.Create | OpenFlags.Nameless)) != 0 ? (ulong)mode : 0);
        MemoryMarshal.Write(how[16..], LocalFileCalls.ToNative(resolve));
        var name = new Name(path.IsEmpty ? "." : path);
        var howCopy = how.ToArray();
        long result;
        SafeFileHandle? received;
        do
        {
            result = Perform(sent, null, [], out received, name, default, (request, path, _) =>
                request.FinishWithDescriptor(SystemCall.openat2, from, request.Text(path), request.Bytes(howCopy), howCopy.Length));
        }
        while (result == -Errno.EAGAIN && resolve != Resolve.Host);
        handle = received ?? new SafeFileHandle(-1, ownsHandle: true);
        return received is null ? ErrnoOf(result) : 0;
    }

    private int Do(SafeFileHandle directory, FileName name, Composer compose) =>
        ErrnoOf(Perform(directory, null, [], out _, new Name(name), default, compose));

    /// <summary>A call on an attribute: from the directory itself by name, or through /proc on the handle when there is no name.</summary>
    private long Attribute(SafeFileHandle directory, FileName name, FileName attribute, Span<byte> answer, AttributeComposer compose)
    {
        var isHandle = name.IsEmpty;
        var path = new Name(isHandle ? $"/proc/self/fd/{First}" : name);
        return Perform(directory, null, answer, out _, path, new Name(attribute), (request, path, attribute) =>
        {
            if (!isHandle)
            {
                request.Call(SystemCall.fchdir, First);
            }

            compose(request, attribute, isHandle, request.Text(path));
        });
    }

    private long Perform(SafeFileHandle? first, SafeFileHandle? second, Span<byte> answer, out SafeFileHandle? received, Name name, Name other, Composer compose) =>
        worker().Perform(first, second, answer, out received, request => compose(request, name.Bytes, other.Bytes));

    private static int ErrnoOf(long result) => result < 0 ? (int)-result : 0;

    private static int ErrnoOf(long result, out int length)
    {
        length = (int)Math.Max(result, 0);
        return ErrnoOf(result);
    }

    /// <summary>A name that a lambda can take along, which a <see cref="FileName"/> cannot.</summary>
    private readonly struct Name
    {
        private readonly byte[]? _bytes;

        public Name(FileName name)
        {
            var bytes = new byte[name.MaxBytes];
            _bytes = bytes[..name.WriteTo(bytes)];
        }

        public ReadOnlySpan<byte> Bytes => _bytes;
    }
}
