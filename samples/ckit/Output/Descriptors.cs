using System.Runtime.InteropServices;

namespace Ckit.Output;

/// <summary>Reads and writes the standard streams with the system's own calls.</summary>
/// <remarks>
/// <see cref="Console"/> would swallow the news that nobody reads any more (EPIPE), and sets a terminal up for line editing; a
/// <see cref="FileStream"/> would write to a shared file at a position of its own.
/// </remarks>
internal static partial class Descriptors
{
    public const int Input = 0;
    public const int Output = 1;
    public const int Error = 2;

    private const int EINTR = 4;
    private const int EAGAIN = 11;
    private const int EPIPE = 32;
    private const short POLLIN = 1;
    private const short POLLOUT = 4;

    public static bool IsTerminal(int descriptor) => isatty(descriptor) == 1;

    /// <summary>Reads what is there, and waits for it.</summary>
    /// <returns>0 at the end.</returns>
    public static unsafe int Read(int descriptor, Span<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            while (true)
            {
                var count = read(descriptor, start, (nuint)buffer.Length);
                if (count >= 0)
                {
                    return (int)count;
                }

                WaitOrThrow(descriptor, POLLIN, "Cannot read standard input");
            }
        }
    }

    /// <summary>Writes everything, and waits while there is no room.</summary>
    /// <returns>False when nobody reads any more.</returns>
    public static unsafe bool Write(int descriptor, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            for (var done = 0; done < bytes.Length;)
            {
                var count = write(descriptor, start + done, (nuint)(bytes.Length - done));
                if (count >= 0)
                {
                    done += (int)count;
                }
                else if (Marshal.GetLastPInvokeError() == EPIPE)
                {
                    return false;
                }
                else
                {
                    WaitOrThrow(descriptor, POLLOUT, descriptor == Output ? "Cannot write to standard output" : "Cannot write to standard error");
                }
            }
        }

        return true;
    }

    // A terminal or pipe that somebody else made non-blocking is non-blocking here as well.
    private static unsafe void WaitOrThrow(int descriptor, short events, string what)
    {
        switch (Marshal.GetLastPInvokeError())
        {
            case EINTR:
                break;
            case EAGAIN:
                var request = new PollRequest { Descriptor = descriptor, Events = events };
                _ = poll(&request, 1, -1);
                break;
            case var error:
                throw new IOException($"{what}: {Marshal.GetPInvokeErrorMessage(error)}.");
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial nint read(int fd, byte* buffer, nuint count);

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial nint write(int fd, byte* buffer, nuint count);

    [LibraryImport("libc")]
    private static unsafe partial int poll(PollRequest* requests, nuint count, int timeout);

    [LibraryImport("libc")]
    private static partial int isatty(int fd);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollRequest
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }
}
