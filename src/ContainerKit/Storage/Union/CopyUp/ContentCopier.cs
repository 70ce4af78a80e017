using System.Buffers;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union.CopyUp;

/// <summary>
/// Copies a file's content the cheapest way that works: shared blocks (FICLONE), then a copy inside the kernel
/// (copy_file_range), then read and write. Holes stay holes, and where that is wanted zeros become some.
/// </summary>
[SupportedOSPlatform("linux")]
internal static unsafe class ContentCopier
{
    // Beyond this the answer to a cancellation would be late.
    private const long LargestStep = 64L << 20;
    private const int BufferSize = 256 * 1024;

    // Up to here a buffer beats copy_file_range(2), which on most file systems goes through a pipe.
    private const int SmallSize = 64 * 1024;

    // What file systems allocate, and so the smallest hole that saves anything.
    private const int BlockSize = 4096;

    /// <summary>Copies <paramref name="size"/> bytes of <paramref name="source"/> into <paramref name="target"/>, which is empty.</summary>
    /// <param name="source">What is copied.</param>
    /// <param name="target">Where to.</param>
    /// <param name="size">How much of it.</param>
    /// <param name="makesHoles">Whether blocks of zeros become holes, too. Blocks that can be shared are.</param>
    /// <param name="ct">Ends it early.</param>
    public static void Copy(SafeFileHandle source, SafeFileHandle target, long size, bool makesHoles, CancellationToken ct)
    {
        var (from, to) = ((int)source.DangerousGetHandle(), (int)target.DangerousGetHandle());
        if (size > 0 && !TryShare(from, to))
        {
            CopyBytes(from, to, size, isWhole: false, makesHoles, ct);
        }
    }

    /// <summary>Lets the file of one descriptor share the blocks of another's: FICLONE.</summary>
    public static bool TryShare(int from, int to) => LibC.ioctl(to, LibC.FICLONE, from) == 0;

    /// <summary>The same as <see cref="Copy"/> where blocks cannot be shared.</summary>
    /// <param name="from">The descriptor of what is copied.</param>
    /// <param name="to">The descriptor of where to.</param>
    /// <param name="size">How much of it.</param>
    /// <param name="isWhole">Whether it is known that there are no holes.</param>
    /// <param name="makesHoles">Whether blocks of zeros become holes, too.</param>
    /// <param name="ct">Ends it early.</param>
    public static void CopyBytes(int from, int to, long size, bool isWhole, bool makesHoles, CancellationToken ct)
    {
        if (!makesHoles && size <= SmallSize && (isWhole || LibC.lseek64(from, 0, LibC.SEEK_HOLE) >= size))
        {
            ReadAndWrite(from, to, 0, size, makesHoles: false, ct);
            return;
        }

        // With this the file has its length, and a hole at its end needs nothing more.
        FileWriting.SetLength(to, size);
        for (var position = 0L; position < size;)
        {
            ct.ThrowIfCancellationRequested();
            var start = LibC.lseek64(from, position, LibC.SEEK_DATA);
            if (start < 0 && Marshal.GetLastPInvokeError() == Errno.ENXIO)
            {
                // No data up to the end.
                return;
            }

            // A file system that knows no holes refuses the question: then everything is data.
            start = Math.Max(start, position);
            var end = LibC.lseek64(from, start, LibC.SEEK_HOLE);
            end = end <= start ? size : Math.Min(end, size);
            if (makesHoles)
            {
                ReadAndWrite(from, to, start, end, makesHoles, ct);
            }
            else
            {
                CopyRange(from, to, start, end, ct);
            }

            position = end;
        }
    }

    /// <summary>Copies everything by reading and writing alone, into a file that is empty.</summary>
    /// <returns>How much it was.</returns>
    public static long CopyPlainly(SafeFileHandle source, SafeFileHandle target, CancellationToken ct)
    {
        var size = FileCalls.Local.Stat(source).Size;
        if (size > 0)
        {
            ReadAndWrite((int)source.DangerousGetHandle(), (int)target.DangerousGetHandle(), 0, size, makesHoles: false, ct);
        }

        return size;
    }

    private static void CopyRange(int from, int to, long start, long end, CancellationToken ct)
    {
        while (start < end)
        {
            ct.ThrowIfCancellationRequested();
            var (readAt, writeAt) = (start, start);
            var copied = LibC.copy_file_range(from, &readAt, to, &writeAt, (nuint)Math.Min(end - start, LargestStep), 0);
            var errno = copied < 0 ? Marshal.GetLastPInvokeError() : 0;
            if (copied > 0)
            {
                start += copied;
            }
            else if (errno is Errno.ENOSPC or Errno.EDQUOT or Errno.EFBIG)
            {
                throw new LinuxException(errno, "copy a file's content");
            }
            else if (errno != Errno.EINTR)
            {
                // Across file systems, on old kernels and on odd files it does not work, and says so in many ways; 0 bytes is one.
                // What is really wrong shows again when reading and writing.
                ReadAndWrite(from, to, start, end, makesHoles: false, ct);
                return;
            }
        }
    }

    private static void ReadAndWrite(int from, int to, long start, long end, bool makesHoles, CancellationToken ct)
    {
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(end - start, BufferSize));
        try
        {
            while (start < end)
            {
                ct.ThrowIfCancellationRequested();
                LinuxException.ThrowIf(DataCalls.TryRead(from, buffer.AsSpan(0, (int)Math.Min(end - start, buffer.Length)), start, out var count), $"read a file");
                if (count == 0)
                {
                    return;
                }

                if (makesHoles)
                {
                    WriteData(to, buffer.AsSpan(0, count), start);
                }
                else
                {
                    FileWriting.Write(to, buffer.AsSpan(0, count), start);
                }

                start += count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Writes what is not zeros, in runs of blocks; the file has its length already.</summary>
    private static void WriteData(int to, ReadOnlySpan<byte> bytes, long offset)
    {
        while (bytes.IndexOfAnyExcept((byte)0) is >= 0 and var first)
        {
            var start = first / BlockSize * BlockSize;
            var end = start;
            while (end < bytes.Length && bytes.Slice(end, Math.Min(BlockSize, bytes.Length - end)).ContainsAnyExcept((byte)0))
            {
                end = Math.Min(end + BlockSize, bytes.Length);
            }

            FileWriting.Write(to, bytes[start..end], offset + start);
            bytes = bytes[end..];
            offset += end;
        }
    }
}
