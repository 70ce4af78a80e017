using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Linux;

/// <summary>Calls on open files that answer with an error number and allocate nothing: for those who do little else.</summary>
[SupportedOSPlatform("linux")]
internal static unsafe class DataCalls
{
    /// <summary>Reads until the span is full or the file ends.</summary>
    public static int TryRead(SafeFileHandle file, Span<byte> data, long offset, out int count)
    {
        using var held = new Descriptor(file);
        return TryRead(held.Number, data, offset, out count);
    }

    /// <summary>The same for a descriptor that somebody holds.</summary>
    public static int TryRead(int file, Span<byte> data, long offset, out int count)
    {
        count = 0;
        fixed (byte* start = data)
        {
            while (count < data.Length)
            {
                var read = LibC.pread64(file, start + count, (nuint)(data.Length - count), offset + count);
                var errno = read < 0 ? Marshal.GetLastPInvokeError() : 0;
                if (errno is not (0 or Errno.EINTR))
                {
                    return count > 0 ? 0 : errno;
                }

                if (read == 0)
                {
                    break;
                }

                count += (int)Math.Max(read, 0);
            }
        }

        return 0;
    }

    /// <summary>Writes all, or as much as there is room for.</summary>
    public static int TryWrite(SafeFileHandle file, ReadOnlySpan<byte> data, long offset, out int count)
    {
        using var held = new Descriptor(file);
        count = 0;
        fixed (byte* start = data)
        {
            while (count < data.Length)
            {
                var written = LibC.pwrite64(held.Number, start + count, (nuint)(data.Length - count), offset + count);
                var errno = written < 0 ? Marshal.GetLastPInvokeError() : 0;
                if (errno is not (0 or Errno.EINTR))
                {
                    return count > 0 ? 0 : errno;
                }

                count += (int)Math.Max(written, 0);
            }
        }

        return 0;
    }

    public static int TrySetLength(SafeFileHandle file, long length)
    {
        using var held = new Descriptor(file);
        return ErrnoOf(LibC.ftruncate64(held.Number, length));
    }

    public static int TryAllocate(SafeFileHandle file, int mode, long offset, long length)
    {
        using var held = new Descriptor(file);
        return ErrnoOf(LibC.fallocate64(held.Number, mode, offset, length));
    }

    public static int TrySeek(SafeFileHandle file, long offset, int whence, out long result)
    {
        using var held = new Descriptor(file);
        result = LibC.lseek64(held.Number, offset, whence);
        return ErrnoOf((nint)result);
    }

    public static int TryCopyRange(SafeFileHandle from, long fromOffset, SafeFileHandle to, long toOffset, long length, out long count)
    {
        using var source = new Descriptor(from);
        using var target = new Descriptor(to);
        count = LibC.copy_file_range(source.Number, &fromOffset, target.Number, &toOffset, (nuint)length, 0);
        return ErrnoOf((nint)count);
    }

    public static int TrySynchronize(SafeFileHandle file, bool dataOnly)
    {
        using var held = new Descriptor(file);
        return ErrnoOf(dataOnly ? LibC.fdatasync(held.Number) : LibC.fsync(held.Number));
    }

    /// <summary>Flushes the file system that a file is in.</summary>
    public static int TrySynchronizeAll(SafeFileHandle file)
    {
        using var held = new Descriptor(file);
        return ErrnoOf(LibC.syncfs(held.Number));
    }

    public static int TryGetSpace(SafeFileHandle file, out FileSystemSpace space)
    {
        using var held = new Descriptor(file);
        LibC.statfs_t native;
        var errno = ErrnoOf(LibC.fstatfs(held.Number, &native));
        space = errno != 0 ? default : new FileSystemSpace(
            native.f_blocks, native.f_bfree, native.f_bavail, native.f_files, native.f_ffree, (uint)native.f_bsize, (uint)native.f_frsize, (uint)native.f_namelen);
        return errno;
    }

    private static int ErrnoOf(nint result) => result < 0 ? Marshal.GetLastPInvokeError() : 0;

    /// <summary>Keeps a handle from being closed while its number is with the kernel.</summary>
    private readonly ref struct Descriptor
    {
        private readonly SafeFileHandle _handle;
        private readonly bool _counted;

        public Descriptor(SafeFileHandle handle)
        {
            _handle = handle;
            handle.DangerousAddRef(ref _counted);
            Number = (int)handle.DangerousGetHandle();
        }

        public int Number { get; }

        public void Dispose()
        {
            if (_counted)
            {
                _handle.DangerousRelease();
            }
        }
    }
}

/// <summary>What statfs(2) says about a file system, in blocks of <paramref name="BlockSize"/> (sizes) and numbers of objects.</summary>
internal readonly record struct FileSystemSpace(
    ulong Blocks, ulong BlocksFree, ulong BlocksAvailable, ulong Files, ulong FilesFree, uint BlockSize, uint FragmentSize, uint NameLength);
