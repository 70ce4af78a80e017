using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;
using static Tmds.Linux.LibC;
using Raw = ContainerKit.Linux.LibC;

namespace ContainerKit.Launch;

/// <summary>Puts an executable where it can be run by its descriptor: in sealed memory, or in a nameless file where memory is forbidden.</summary>
[SupportedOSPlatform("linux")]
internal static unsafe class ProgramFile
{
    // The newer flag and seal, until the kernel says that it does not know them (before 6.3).
    private static volatile bool _knowsExec = true;

    /// <param name="image">The whole file.</param>
    /// <param name="directory">A directory on a file system without noexec, for hosts with vm.memfd_noexec=2; or null.</param>
    /// <exception cref="HostCapabilityException">Memory is forbidden, and there is no directory.</exception>
    public static SafeFileHandle Create(ReadOnlySpan<byte> image, string? directory)
    {
        var errno = TryCreateInMemory(out var file);
        if (errno == Errno.EINVAL && _knowsExec)
        {
            _knowsExec = false;
            errno = TryCreateInMemory(out file);
        }

        if (errno == Errno.EACCES)
        {
            file.Dispose();
            return directory is not null ? CreateNameless(image, directory) : throw Forbidden(null);
        }

        LinuxException.ThrowIf(errno, $"make a file in memory");
        try
        {
            Write(file, image);

            // Nobody, not even a container that gets hold of it, can change the program from here on.
            var seals = Raw.F_SEAL_SEAL | Raw.F_SEAL_SHRINK | Raw.F_SEAL_GROW | Raw.F_SEAL_WRITE | (_knowsExec ? Raw.F_SEAL_EXEC : 0);
            var result = fcntl((int)file.DangerousGetHandle(), Raw.F_ADD_SEALS, seals);
            LinuxException.ThrowIf(result < 0 ? Marshal.GetLastPInvokeError() : 0, $"seal a file in memory");
            return Raise(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The way without memory files: written nameless, and open for reading only, since a file that is open for writing cannot run.</summary>
    public static SafeFileHandle CreateNameless(ReadOnlySpan<byte> image, string directory)
    {
        var calls = FileCalls.Local;
        var errno = calls.TryOpen(null, directory, OpenFlags.Nameless | OpenFlags.ReadWrite, 0x140, Resolve.Host, out var writing);
        using (writing)
        {
            if (errno != 0)
            {
                throw Forbidden(new LinuxException(errno, $"write a launch program in '{directory}'"));
            }

            Write(writing, image);
            return Raise(calls.Open(null, $"/proc/self/fd/{writing.DangerousGetHandle()}", OpenFlags.Read, resolve: Resolve.Host));
        }
    }

    private static HostCapabilityException Forbidden(Exception? cause) => new(
        "memfd-exec",
        "This host forbids running programs from memory (sysctl vm.memfd_noexec is 2), and there is no directory to run them from.",
        cause)
    {
        Hint = "Set vm.memfd_noexec to 1 or 0, or keep the store on a file system that is not mounted noexec.",
    };

    private static int TryCreateInMemory(out SafeFileHandle file)
    {
        fixed (byte* name = "containerkit\0"u8)
        {
            var fd = memfd_create(name, Raw.MFD_CLOEXEC | Raw.MFD_ALLOW_SEALING | (_knowsExec ? Raw.MFD_EXEC : 0));
            file = new SafeFileHandle(fd, ownsHandle: true);
            return fd < 0 ? Marshal.GetLastPInvokeError() : 0;
        }
    }

    private static SafeFileHandle Raise(SafeFileHandle file)
    {
        if (ProcessCalls.IsHigh(file))
        {
            return file;
        }

        using (file)
        {
            return ProcessCalls.Raise(file);
        }
    }

    private static void Write(SafeFileHandle file, ReadOnlySpan<byte> image) => RandomAccess.Write(file, image, 0);
}
