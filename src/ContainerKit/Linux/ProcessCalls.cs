using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using static Tmds.Linux.LibC;
using Raw = ContainerKit.Linux.LibC;

namespace ContainerKit.Linux;

/// <summary>
/// Children and their handles. Each is waited for by its own number or handle: waiting for any child would take the exit status
/// of those that .NET, or the application, waits for.
/// </summary>
[SupportedOSPlatform("linux")]
internal static unsafe class ProcessCalls
{
    // The same numbers on every architecture.
    private const int PidfdOpen = 434, PidfdSendSignal = 424;
    private const int SigInfoSize = 128, CodeOffset = 8, StatusOffset = 24;

    // Descriptors below this may be what a child's own are made over.
    private const int LowestOwn = 64;

    /// <summary>A handle of a process: pidfd_open(2).</summary>
    public static SafeFileHandle OpenProcess(int processId)
    {
        var fd = Raw.syscall(PidfdOpen, processId, 0, 0, 0);
        LinuxException.ThrowIf(fd < 0 ? Marshal.GetLastPInvokeError() : 0, $"open process {processId}");
        return new SafeFileHandle(fd, ownsHandle: true);
    }

    /// <summary>The same, or null when there is no such process any more.</summary>
    public static SafeFileHandle? TryOpenProcess(int processId)
    {
        try
        {
            return OpenProcess(processId);
        }
        catch (LinuxException e) when (e.Errno == Errno.ESRCH)
        {
            return null;
        }
    }

    /// <summary>Sends a signal; one to a process that has ended is no error.</summary>
    public static void Signal(SafeFileHandle process, int signal)
    {
        var counted = false;
        process.DangerousAddRef(ref counted);
        try
        {
            var result = Raw.syscall(PidfdSendSignal, process.DangerousGetHandle(), signal, 0, 0);
            var errno = result < 0 ? Marshal.GetLastPInvokeError() : 0;
            LinuxException.ThrowIf(errno == Errno.ESRCH ? 0 : errno, $"send signal {signal} to a process");
        }
        finally
        {
            process.DangerousRelease();
        }
    }

    /// <summary>Whether the process is this one's child: only then is its number safe from being used again before it is reaped.</summary>
    public static bool IsChild(SafeFileHandle process)
    {
        var information = stackalloc byte[SigInfoSize];
        return Raw.waitid(Raw.P_PIDFD, (uint)process.DangerousGetHandle(), information, Raw.WEXITED | Raw.WNOHANG | Raw.WNOWAIT) == 0;
    }

    /// <summary>Takes the exit status of a child that has ended.</summary>
    /// <returns>The exit code, or the number of the signal.</returns>
    public static (int Value, bool IsSignal) Reap(SafeFileHandle process) => Reap(Raw.P_PIDFD, (uint)process.DangerousGetHandle());

    /// <summary>Waits for a child that is about to end, and takes its exit status.</summary>
    public static (int Value, bool IsSignal) Reap(int processId) => Reap(Raw.P_PID, (uint)processId);

    /// <summary>
    /// Whether the kernel throws the exit statuses of this process's children away: it inherits an ignored SIGCHLD from a careless
    /// parent.
    /// </summary>
    public static bool LosesExitStatuses()
    {
        // struct sigaction: the handler, a mask of 128 bytes, the flags. glibc(7), musl alike.
        var action = stackalloc byte[256];
        if (Raw.sigaction(Raw.SIGCHLD, null, action) < 0)
        {
            return false;
        }

        return *(nint*)action == Raw.SIG_IGN || (*(int*)(action + 8 + 128) & Raw.SA_NOCLDWAIT) != 0;
    }

    /// <summary>A pipe; both ends close on exec, and have numbers that no child's own descriptors are made over.</summary>
    public static (SafeFileHandle Read, SafeFileHandle Write) MakePipe()
    {
        var ends = stackalloc int[2];
        LinuxException.ThrowIf(pipe2(ends, O_CLOEXEC) < 0 ? Marshal.GetLastPInvokeError() : 0, $"make a pipe");
        return (Own(ends[0]), OwnHigh(ends[1]));
    }

    /// <summary>Two connected sockets that keep message boundaries, or not.</summary>
    public static (SafeFileHandle Mine, SafeFileHandle Theirs) MakeSockets(bool keepsMessages)
    {
        var ends = stackalloc int[2];
        var result = socketpair(AF_UNIX, (keepsMessages ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC, 0, ends);
        LinuxException.ThrowIf(result < 0 ? Marshal.GetLastPInvokeError() : 0, $"make a pair of sockets");
        return (Own(ends[0]), OwnHigh(ends[1]));
    }

    /// <summary>Sends a short message; .NET's own file calls refuse sockets.</summary>
    public static void Send(SafeFileHandle socket, ReadOnlySpan<byte> message)
    {
        fixed (byte* bytes = message)
        {
            long result = send((int)socket.DangerousGetHandle(), bytes, (Tmds.Linux.size_t)(ulong)message.Length, MSG_NOSIGNAL);
            LinuxException.ThrowIf(result < 0 ? Marshal.GetLastPInvokeError() : 0, $"answer a launch program");
        }
    }

    /// <summary>
    /// The same open file under a number of at least 64. Where few descriptors are open, a child's descriptors 0, 1, 2… would be made
    /// over those that they are copied from.
    /// </summary>
    public static SafeFileHandle Raise(SafeFileHandle handle)
    {
        var high = fcntl((int)handle.DangerousGetHandle(), Raw.F_DUPFD_CLOEXEC, LowestOwn);
        LinuxException.ThrowIf(high < 0 ? Marshal.GetLastPInvokeError() : 0, $"copy a descriptor");
        return new SafeFileHandle(high, ownsHandle: true);
    }

    public static bool IsHigh(SafeFileHandle handle) => handle.DangerousGetHandle() >= LowestOwn;

    private static SafeFileHandle Own(int fd) => new(fd, ownsHandle: true);

    private static SafeFileHandle OwnHigh(int fd)
    {
        var handle = Own(fd);
        if (IsHigh(handle))
        {
            return handle;
        }

        using (handle)
        {
            return Raise(handle);
        }
    }

    private static (int Value, bool IsSignal) Reap(int idType, uint id)
    {
        var information = stackalloc byte[SigInfoSize];
        int result, errno;
        do
        {
            result = Raw.waitid(idType, id, information, Raw.WEXITED);
            errno = result < 0 ? Marshal.GetLastPInvokeError() : 0;
        }
        while (errno == Errno.EINTR);

        LinuxException.ThrowIf(errno, $"learn how a process ended");
        var siginfo = new ReadOnlySpan<byte>(information, SigInfoSize);
        return (
            BinaryPrimitives.ReadInt32LittleEndian(siginfo[StatusOffset..]),
            BinaryPrimitives.ReadInt32LittleEndian(siginfo[CodeOffset..]) != Raw.CLD_EXITED);
    }
}
