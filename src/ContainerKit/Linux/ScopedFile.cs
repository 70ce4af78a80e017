using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using static Tmds.Linux.LibC;
using Own = ContainerKit.Linux.LibC;

namespace ContainerKit.Linux;

/// <summary>
/// A file that is open while one method works on it: a value, where a handle for each of thousands would be garbage with a finalizer.
/// All calls are this process's own, and each answers 0 or an <see cref="Errno"/>.
/// </summary>
/// <remarks>Not to be copied: whoever opened it disposes of it, in a <c>finally</c>, or gives it away with <see cref="Keep"/>.</remarks>
[SupportedOSPlatform("linux")]
[SkipLocalsInit]
internal unsafe struct ScopedFile : IDisposable
{
    // Large enough for any single name; longer ones go to the heap, and to the kernel, which refuses them.
    private const int StackBytes = 1024;

    // Whether this kernel lets this process link what has no name by its descriptor alone, learnt from the first time that it does not.
    private static volatile bool _linksByPath;

    // One more than the descriptor, so that a value which was never opened is not standard input.
    private int _place;

    /// <summary>Its descriptor, as long as it is open.</summary>
    public readonly int Descriptor => _place - 1;

    /// <summary>Opens one name of a directory (or, without a name, something nameless in it) and follows no symlink.</summary>
    public static int TryOpen(SafeFileHandle directory, FileName name, OpenFlags flags, int mode, out ScopedFile file)
    {
        file = default;
        var errno = LocalFileCalls.Open(directory, name, flags | OpenFlags.NoFollow, mode, Resolve.NoSymlinks, out var descriptor);
        file._place = descriptor + 1;
        return errno;
    }

    public readonly int TryStat(out FileStat stat) => TryStat(STATX_BASIC_STATS, out stat);

    /// <summary>
    /// The same without times and size, for what was just made: once somebody has seen its times, the kernel writes the inode again for a write in the same
    /// instant, so that it shows. https://docs.kernel.org/filesystems/multigrain-ts.html
    /// </summary>
    public readonly int TryStatNew(out FileStat stat) => TryStat(STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_UID | STATX_GID | STATX_INO, out stat);

    public readonly int TrySetOwner(uint userId, uint groupId) => ErrnoOf(Own.fchown(Descriptor, userId, groupId));

    public readonly int TrySetMode(int mode) => ErrnoOf(Own.fchmod(Descriptor, (uint)mode));

    public readonly int TrySetTimes(UnixTime accessTime, UnixTime modifiedTime)
    {
        var times = stackalloc timespec[2];
        times[0] = LocalFileCalls.ToNative(accessTime);
        times[1] = LocalFileCalls.ToNative(modifiedTime);
        return ErrnoOf(Own.futimens(Descriptor, times));
    }

    /// <inheritdoc cref="FileCalls.TryListAttributes"/>
    public readonly int TryListAttributes(Span<byte> names, out int length)
    {
        fixed (byte* list = names)
        {
            return ErrnoOf(Own.flistxattr(Descriptor, list, (nuint)names.Length), out length);
        }
    }

    /// <param name="name">The attribute's name, with a terminating NUL.</param>
    /// <param name="value">Gets the value.</param>
    /// <param name="length">How long it is.</param>
    public readonly int TryGetAttribute(ReadOnlySpan<byte> name, Span<byte> value, out int length)
    {
        fixed (byte* key = name, data = value)
        {
            return ErrnoOf(Own.fgetxattr(Descriptor, key, data, (nuint)value.Length), out length);
        }
    }

    /// <param name="name">The attribute's name, with a terminating NUL.</param>
    /// <param name="value">Its value.</param>
    public readonly int TrySetAttribute(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        fixed (byte* key = name, data = value)
        {
            return ErrnoOf(Own.fsetxattr(Descriptor, key, data, (nuint)value.Length, 0));
        }
    }

    /// <summary>Gives it a name, which nobody has.</summary>
    public readonly int TryLink(SafeFileHandle directory, FileName name)
    {
        var isHeld = false;
        directory.DangerousAddRef(ref isHeld);
        try
        {
            var into = (int)directory.DangerousGetHandle();
            fixed (byte* path = name.Terminate(stackalloc byte[StackBytes]))
            {
                byte nothing = 0;
                var errno = _linksByPath ? Errno.ENOENT : ErrnoOf(linkat(Descriptor, &nothing, into, path, AT_EMPTY_PATH));
                if (errno != Errno.ENOENT)
                {
                    return errno;
                }

                // Before Linux 6.10 that wants CAP_DAC_READ_SEARCH, and its lack is called ENOENT. The way through /proc wants nothing, and takes longer.
                Span<byte> source = stackalloc byte[32];
                System.Text.Unicode.Utf8.TryWrite(source, $"/proc/self/fd/{Descriptor}\0", out _);
                fixed (byte* proc = source)
                {
                    errno = ErrnoOf(linkat(AT_FDCWD, proc, into, path, AT_SYMLINK_FOLLOW));
                }

                _linksByPath |= errno == 0;
                return errno;
            }
        }
        finally
        {
            directory.DangerousRelease();
        }
    }

    /// <summary>Makes a handle of it, which then is who closes it.</summary>
    public SafeFileHandle Keep()
    {
        var handle = new SafeFileHandle(Descriptor, ownsHandle: true);
        _place = 0;
        return handle;
    }

    public void Dispose()
    {
        if (_place > 0)
        {
            _ = close(Descriptor);
            _place = 0;
        }
    }

    private readonly int TryStat(uint wanted, out FileStat stat)
    {
        statx native;
        byte nothing = 0;
        var errno = ErrnoOf(statx(Descriptor, &nothing, AT_EMPTY_PATH | AT_NO_AUTOMOUNT, wanted, &native));
        stat = errno != 0 ? default : LocalFileCalls.ToStat(native);
        return errno;
    }

    private static int ErrnoOf(int result) => result < 0 ? Marshal.GetLastPInvokeError() : 0;

    private static int ErrnoOf(nint result, out int length)
    {
        length = (int)Math.Max(result, 0);
        return result < 0 ? Marshal.GetLastPInvokeError() : 0;
    }
}
