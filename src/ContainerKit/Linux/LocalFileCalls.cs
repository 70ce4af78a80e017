using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using static Tmds.Linux.LibC;
using Own = ContainerKit.Linux.LibC;

namespace ContainerKit.Linux;

/// <summary>File calls made by this process, with this process's rights.</summary>
[SupportedOSPlatform("linux")]
[SkipLocalsInit]
internal sealed unsafe class LocalFileCalls : FileCalls
{
    // Large enough for any single name; longer paths go to the heap.
    private const int StackBytes = 1024;
    private const ulong Immutable = 0x10;
    private const ulong NoMagicLinks = 0x02, NoSymlinks = 0x04, Beneath = 0x08, InRoot = 0x10;

    public override int TryOpen(SafeFileHandle? directory, FileName path, OpenFlags flags, int mode, Resolve resolve, out SafeFileHandle handle)
    {
        var errno = Open(directory, path, flags, mode, resolve, out var descriptor);
        handle = new SafeFileHandle(descriptor, ownsHandle: true);
        return errno;
    }

    /// <summary>The same for those who make no handle of it; the descriptor is -1 when it failed.</summary>
    internal static int Open(SafeFileHandle? directory, FileName path, OpenFlags flags, int mode, Resolve resolve, out int descriptor)
    {
        open_how how = default;
        how.flags = (ulong)(uint)ToNative(flags);
        how.mode = (flags & (OpenFlags.Create | OpenFlags.Nameless)) != 0 ? (ulong)mode : 0;
        how.resolve = ToNative(resolve);

        using var held = new Held(directory);
        int errno;
        fixed (byte* native = path.IsEmpty ? "."u8 : path.Terminate(stackalloc byte[StackBytes]))
        {
            do
            {
                // EAGAIN: the kernel saw a rename beside the walk, and says so rather than guess (openat2(2), RESOLVE_IN_ROOT).
                descriptor = openat2(held.Descriptor, native, &how, (size_t)(ulong)sizeof(open_how));
                errno = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
            }
            while (errno is Errno.EINTR || (errno == Errno.EAGAIN && resolve != Resolve.Host));
        }

        return errno;
    }

    public override int TryReopen(SafeFileHandle handle, OpenFlags flags, out SafeFileHandle reopened)
    {
        using var held = new Held(handle);
        return TryOpen(null, $"/proc/self/fd/{held.Descriptor}", flags, 0, Resolve.Host, out reopened);
    }

    public override int TryStat(SafeFileHandle directory, FileName name, out FileStat stat)
    {
        using var held = new Held(directory);
        statx native;
        int errno;
        fixed (byte* path = name.Terminate(stackalloc byte[StackBytes]))
        {
            errno = ErrnoOf(statx(held.Descriptor, path, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &native));
        }

        stat = errno != 0 ? default : ToStat(native);
        return errno;
    }

    public override int TryMakeDirectory(SafeFileHandle directory, FileName name, int mode)
    {
        using var held = new Held(directory);
        fixed (byte* path = name.Terminate(stackalloc byte[StackBytes]))
        {
            return ErrnoOf(mkdirat(held.Descriptor, path, (mode_t)(uint)mode));
        }
    }

    public override int TryMakeNode(SafeFileHandle directory, FileName name, uint rawMode, uint major, uint minor)
    {
        var device = DeviceNumber(major, minor);
        using var held = new Held(directory);
        fixed (byte* path = name.Terminate(stackalloc byte[StackBytes]))
        {
            return ErrnoOf(mknodat(held.Descriptor, path, (mode_t)rawMode, (dev_t)device));
        }
    }

    public override int TryMakeSymlink(FileName target, SafeFileHandle directory, FileName name)
    {
        using var held = new Held(directory);
        fixed (byte* to = target.Terminate(stackalloc byte[StackBytes]), path = name.Terminate(stackalloc byte[StackBytes]))
        {
            return ErrnoOf(symlinkat(to, held.Descriptor, path));
        }
    }

    public override int TryLink(SafeFileHandle oldDirectory, FileName oldName, SafeFileHandle newDirectory, FileName newName)
    {
        using var oldHeld = new Held(oldDirectory);
        using var newHeld = new Held(newDirectory);
        if (oldName.IsEmpty)
        {
            // linkat's AT_EMPTY_PATH wants CAP_DAC_READ_SEARCH before Linux 6.10; the way through /proc wants nothing.
            fixed (byte* source = ProcPath(oldHeld.Descriptor, default, stackalloc byte[StackBytes]), path = newName.Terminate(stackalloc byte[StackBytes]))
            {
                return ErrnoOf(linkat(AT_FDCWD, source, newHeld.Descriptor, path, AT_SYMLINK_FOLLOW));
            }
        }

        fixed (byte* source = oldName.Terminate(stackalloc byte[StackBytes]), path = newName.Terminate(stackalloc byte[StackBytes]))
        {
            return ErrnoOf(linkat(oldHeld.Descriptor, source, newHeld.Descriptor, path, 0));
        }
    }

    public override int TryRename(SafeFileHandle oldDirectory, FileName oldName, SafeFileHandle newDirectory, FileName newName, RenameFlags flags)
    {
        using var oldHeld = new Held(oldDirectory);
        using var newHeld = new Held(newDirectory);
        fixed (byte* source = oldName.Terminate(stackalloc byte[StackBytes]), path = newName.Terminate(stackalloc byte[StackBytes]))
        {
            return ErrnoOf(Own.renameat2(oldHeld.Descriptor, source, newHeld.Descriptor, path, (uint)flags));
        }
    }

    public override int TryUnlink(SafeFileHandle directory, FileName name, bool isDirectory)
    {
        using var held = new Held(directory);
        fixed (byte* path = name.Terminate(stackalloc byte[StackBytes]))
        {
            return ErrnoOf(unlinkat(held.Descriptor, path, isDirectory ? AT_REMOVEDIR : 0));
        }
    }

    public override int TryReadLink(SafeFileHandle directory, FileName name, Span<byte> target, out int length)
    {
        using var held = new Held(directory);
        fixed (byte* to = target, path = name.Terminate(stackalloc byte[StackBytes]))
        {
            return ErrnoOf((nint)(long)readlinkat(held.Descriptor, path, to, (size_t)(ulong)target.Length), out length);
        }
    }

    public override int TrySetOwner(SafeFileHandle directory, FileName name, uint userId, uint groupId)
    {
        using var held = new Held(directory);
        fixed (byte* path = name.Terminate(stackalloc byte[StackBytes]))
        {
            return ErrnoOf(fchownat(held.Descriptor, path, (uid_t)userId, (gid_t)groupId, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH));
        }
    }

    public override int TrySetMode(SafeFileHandle directory, FileName name, int mode)
    {
        if (name.IsEmpty)
        {
            // An open file is no symlink. A mere place (O_PATH) is refused with EBADF, and takes the longer way.
            using var open = new Held(directory);
            if (ErrnoOf(Own.fchmod(open.Descriptor, (uint)mode)) is var outcome and not Errno.EBADF)
            {
                return outcome;
            }
        }

        // fchmodat(2) has no way to spare symlinks before Linux 6.6: pin the object first, and look at what was pinned.
        SafeFileHandle? pinned = null;
        if (!name.IsEmpty && TryOpen(directory, name, OpenFlags.PathOnly | OpenFlags.NoFollow, 0, Resolve.Host, out pinned) is var errno and not 0)
        {
            return errno;
        }

        using (pinned)
        {
            errno = TryStat(pinned ?? directory, default, out var stat);
            if (errno != 0 || stat.IsSymlink)
            {
                return errno != 0 ? errno : Errno.EOPNOTSUPP;
            }

            using var held = new Held(pinned ?? directory);
            fixed (byte* path = ProcPath(held.Descriptor, default, stackalloc byte[StackBytes]))
            {
                return ErrnoOf(chmod(path, (mode_t)(uint)mode));
            }
        }
    }

    public override int TrySetTimes(SafeFileHandle directory, FileName name, UnixTime? accessTime, UnixTime? modifiedTime)
    {
        using var held = new Held(directory);
        var times = stackalloc timespec[2];
        times[0] = ToNative(accessTime);
        times[1] = ToNative(modifiedTime);
        fixed (byte* path = name.Terminate(stackalloc byte[StackBytes]))
        {
            return ErrnoOf(utimensat(held.Descriptor, path, times, AT_SYMLINK_NOFOLLOW | (name.IsEmpty ? AT_EMPTY_PATH : 0)));
        }
    }

    public override int TrySetAttribute(SafeFileHandle directory, FileName name, FileName attribute, ReadOnlySpan<byte> value)
    {
        using var held = new Held(directory);
        fixed (byte* path = ProcPath(held.Descriptor, name, stackalloc byte[StackBytes]), key = attribute.Terminate(stackalloc byte[StackBytes]), data = value)
        {
            return ErrnoOf(name.IsEmpty ? Own.setxattr(path, key, data, (nuint)value.Length, 0) : Own.lsetxattr(path, key, data, (nuint)value.Length, 0));
        }
    }

    public override int TryGetAttribute(SafeFileHandle directory, FileName name, FileName attribute, Span<byte> value, out int length)
    {
        using var held = new Held(directory);
        fixed (byte* path = ProcPath(held.Descriptor, name, stackalloc byte[StackBytes]), key = attribute.Terminate(stackalloc byte[StackBytes]), data = value)
        {
            return ErrnoOf(name.IsEmpty ? Own.getxattr(path, key, data, (nuint)value.Length) : Own.lgetxattr(path, key, data, (nuint)value.Length), out length);
        }
    }

    public override int TryListAttributes(SafeFileHandle directory, FileName name, Span<byte> names, out int length)
    {
        using var held = new Held(directory);
        if (name.IsEmpty)
        {
            fixed (byte* list = names)
            {
                // A mere place (O_PATH) is refused with EBADF, and takes the longer way.
                if (ErrnoOf(Own.flistxattr(held.Descriptor, list, (nuint)names.Length), out length) is var outcome and not Errno.EBADF)
                {
                    return outcome;
                }
            }
        }

        fixed (byte* path = ProcPath(held.Descriptor, name, stackalloc byte[StackBytes]), list = names)
        {
            return ErrnoOf(name.IsEmpty ? Own.listxattr(path, list, (nuint)names.Length) : Own.llistxattr(path, list, (nuint)names.Length), out length);
        }
    }

    public override int TryRemoveAttribute(SafeFileHandle directory, FileName name, FileName attribute)
    {
        using var held = new Held(directory);
        fixed (byte* path = ProcPath(held.Descriptor, name, stackalloc byte[StackBytes]), key = attribute.Terminate(stackalloc byte[StackBytes]))
        {
            return ErrnoOf(name.IsEmpty ? Own.removexattr(path, key) : Own.lremovexattr(path, key));
        }
    }

    /// <summary>
    /// A path for the calls that know no directory handle. The part before the name is a magic link to the handle; the name is the
    /// last component, and so the l… calls leave it unfollowed. Without a name the magic link itself is what must be followed.
    /// </summary>
    private static Span<byte> ProcPath(int descriptor, FileName name, Span<byte> scratch)
    {
        var room = 32 + name.MaxBytes;
        var path = room <= scratch.Length ? scratch : new byte[room];
        System.Text.Unicode.Utf8.TryWrite(path, $"/proc/self/fd/{descriptor}", out var written);
        if (!name.IsEmpty)
        {
            path[written++] = (byte)'/';
        }

        name.WriteTo(path[written..]);
        return path;
    }

    private static int ErrnoOf(int result) => result < 0 ? Marshal.GetLastPInvokeError() : 0;

    private static int ErrnoOf(nint result, out int length)
    {
        length = (int)Math.Max(result, 0);
        return result < 0 ? Marshal.GetLastPInvokeError() : 0;
    }

    /// <summary>makedev(3): the numbers interleave, for the sake of programs that knew 8 bits of each.</summary>
    internal static ulong DeviceNumber(uint major, uint minor) =>
        ((ulong)(major & 0xFFFFF000) << 32) | ((major & 0xFFFUL) << 8) | ((ulong)(minor & 0xFFFFFF00) << 12) | (minor & 0xFFUL);

    internal static ulong ToNative(Resolve resolve) => resolve switch
    {
        Resolve.InRoot => InRoot | NoMagicLinks,
        Resolve.NoSymlinks => Beneath | NoSymlinks,
        _ => 0,
    };

    internal static FileStat ToStat(in statx native) => new()
    {
        RawMode = native.stx_mode,
        UserId = native.stx_uid,
        GroupId = native.stx_gid,
        Size = (long)native.stx_size,
        Blocks = (long)native.stx_blocks,
        Inode = native.stx_ino,
        LinkCount = native.stx_nlink,
        Device = ((ulong)native.stx_dev_major << 32) | native.stx_dev_minor,
        DeviceMajor = native.stx_rdev_major,
        DeviceMinor = native.stx_rdev_minor,
        AccessTime = ToTime(native.stx_atime),
        ModifiedTime = ToTime(native.stx_mtime),
        ChangeTime = ToTime(native.stx_ctime),
        IsImmutable = (native.stx_attributes & Immutable) != 0,
    };

    internal static int ToNative(OpenFlags flags)
    {
        var native = O_CLOEXEC | O_NOCTTY;
        native |= (flags & OpenFlags.ReadWrite) != 0 ? O_RDWR : (flags & OpenFlags.Write) != 0 ? O_WRONLY : O_RDONLY;
        native |= (flags & OpenFlags.Create) != 0 ? O_CREAT : 0;
        native |= (flags & OpenFlags.Exclusive) != 0 ? O_EXCL : 0;
        native |= (flags & OpenFlags.Truncate) != 0 ? O_TRUNC : 0;
        native |= (flags & OpenFlags.Append) != 0 ? O_APPEND : 0;
        native |= (flags & OpenFlags.Directory) != 0 ? O_DIRECTORY : 0;
        native |= (flags & OpenFlags.NoFollow) != 0 ? O_NOFOLLOW : 0;
        native |= (flags & OpenFlags.NonBlocking) != 0 ? O_NONBLOCK : 0;
        native |= (flags & OpenFlags.Nameless) != 0 ? O_TMPFILE : 0;
        native |= (flags & OpenFlags.NoAccessTime) != 0 ? O_NOATIME : 0;

        // openat2(2) refuses O_PATH together with anything that opens.
        return (flags & OpenFlags.PathOnly) != 0 ? O_PATH | (native & (O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW)) : native;
    }

    private static UnixTime ToTime(statx_timestamp time) => new(time.tv_sec, (int)time.tv_nsec);

    internal static timespec ToNative(UnixTime? time) => time is { } value
        ? new timespec { tv_sec = value.Seconds, tv_nsec = value.Nanoseconds }
        : new timespec { tv_sec = 0, tv_nsec = Own.UTIME_OMIT };

    /// <summary>Keeps a handle from being closed while its number is with the kernel; no handle means the working directory.</summary>
    private readonly ref struct Held
    {
        private readonly SafeFileHandle? _handle;
        private readonly bool _counted;

        public Held(SafeFileHandle? handle)
        {
            _handle = handle;
            handle?.DangerousAddRef(ref _counted);
            Descriptor = handle is null ? AT_FDCWD : (int)handle.DangerousGetHandle();
        }

        public int Descriptor { get; }

        public void Dispose()
        {
            if (_counted)
            {
                _handle!.DangerousRelease();
            }
        }
    }
}
