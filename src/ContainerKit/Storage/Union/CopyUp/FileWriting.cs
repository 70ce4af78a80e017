using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union.CopyUp;

/// <summary>Writes that fail with the kernel's own error number, which RandomAccess translates away.</summary>
[SupportedOSPlatform("linux")]
internal static unsafe class FileWriting
{
    /// <summary>Writes all of <paramref name="bytes"/> at an offset.</summary>
    public static void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long offset) => Write((int)file.DangerousGetHandle(), bytes, offset);

    /// <summary>The same for a descriptor that somebody holds.</summary>
    public static void Write(int file, ReadOnlySpan<byte> bytes, long offset)
    {
        fixed (byte* start = bytes)
        {
            for (var written = 0; written < bytes.Length;)
            {
                var count = LibC.pwrite64(file, start + written, (nuint)(bytes.Length - written), offset + written);
                var errno = count < 0 ? Marshal.GetLastPInvokeError() : 0;
                LinuxException.ThrowIf(errno == Errno.EINTR ? 0 : errno, $"write a file");
                written += (int)Math.Max(count, 0);
            }
        }
    }

    /// <summary>Cuts or lengthens a file; what is added is a hole.</summary>
    public static void SetLength(SafeFileHandle file, long length) => SetLength((int)file.DangerousGetHandle(), length);

    /// <summary>The same for a descriptor that somebody holds.</summary>
    public static void SetLength(int file, long length) =>
        LinuxException.ThrowIf(LibC.ftruncate64(file, length) < 0 ? Marshal.GetLastPInvokeError() : 0, $"set a file's length");
}
