using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace ContainerKit.Linux;

/// <summary>
/// One end of a pipe, or one direction of a terminal, as a stream that waits without a thread. Closing the write end is how a program's standard input ends;
/// writing to a pipe that nobody reads any more is an <see cref="IOException"/>.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class PipeStream : Stream
{
    private const byte ControlD = 4;

    // What a pipe holds at first, and what it is given once it was seen full: pipe(7). All pipes of an ordinary user together may hold 64 MiB.
    private const int FirstCapacity = 64 << 10, LargerCapacity = 256 << 10;
    private const int F_SETPIPE_SZ = 1031;

    // So much at once is said by somebody who goes on at once: then the thread waits on the spot for a moment, as it takes longer to call another one.
    private const int ManyBytes = 16 << 10, OnTheSpotMilliseconds = 1;

    private readonly SafeFileHandle _handle;
    private readonly EventLoop.Registration _registration;
    private readonly bool _canWrite;
    private readonly bool _isTerminal;
    private bool _isInsideLine;
    private bool _isEndTyped;
    private bool _isLarger;
    private bool _isBusy;
    private volatile bool _endsWhenEmpty;
    private int _isDisposed;

    private PipeStream(SafeFileHandle handle, bool canWrite, bool isTerminal = false)
    {
        _isTerminal = isTerminal;
        _handle = handle;
        _canWrite = canWrite;
        _registration = EventLoop.Shared.Watch(handle);
    }

    /// <summary>Makes a pipe whose read end is this process's, and whose write end goes to a child.</summary>
    public static (PipeStream Mine, SafeFileHandle Theirs) ForReading()
    {
        var (read, write) = Create();
        SetNonBlocking(read);
        return (new PipeStream(read, canWrite: false), write);
    }

    /// <summary>Makes a pipe whose write end is this process's, and whose read end goes to a child.</summary>
    public static (PipeStream Mine, SafeFileHandle Theirs) ForWriting()
    {
        var (read, write) = Create();
        SetNonBlocking(write);
        return (new PipeStream(write, canWrite: true), read);
    }

    /// <summary>The write end of a pipe that somebody else made. It becomes the stream's.</summary>
    public static PipeStream OfWriteEnd(SafeFileHandle end)
    {
        SetNonBlocking(end);
        return new PipeStream(end, canWrite: true);
    }

    /// <summary>Both directions of a pseudoterminal's outer side, each with a descriptor of its own; the given one stays the caller's.</summary>
    /// <remarks>
    /// A terminal has no half that could be closed: disposing of its input types Ctrl-D, which is the end for programs that read lines.
    /// </remarks>
    public static (PipeStream Input, PipeStream Output) OfTerminal(SafeFileHandle terminal)
    {
        SetNonBlocking(terminal);
        return (new PipeStream(ProcessCalls.Raise(terminal), canWrite: true, isTerminal: true), new PipeStream(ProcessCalls.Raise(terminal), canWrite: false, isTerminal: true));
    }

    public override bool CanRead => !_canWrite;

    public override bool CanWrite => _canWrite;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException("A pipe has no length.");

    public override long Position
    {
        get => throw new NotSupportedException("A pipe has no position.");
        set => throw new NotSupportedException("A pipe has no position.");
    }

    /// <summary>From now on an empty pipe is at its end, even while somebody else could still write to it.</summary>
    public void EndWhenEmpty()
    {
        _endsWhenEmpty = true;
        _registration.Ready();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            // Looked at before the read: what was in the pipe when the flag was set is always read.
            var ends = _endsWhenEmpty;
            if (TryRead(buffer.Span, out var count))
            {
                _isBusy = count >= ManyBytes;
                if (count >= FirstCapacity)
                {
                    Enlarge();
                }

                return count;
            }

            if (ends)
            {
                return 0;
            }

            await WaitAsync(forWriting: false, cancellationToken).ConfigureAwait(false);
        }
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        _isInsideLine = buffer.IsEmpty ? _isInsideLine : buffer.Span[^1] != '\n';
        while (!buffer.IsEmpty)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (TryWrite(buffer.Span, out var count))
            {
                buffer = buffer[count..];
                _isBusy = count >= ManyBytes;
            }
            else
            {
                Enlarge();
                await WaitAsync(forWriting: true, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("A pipe cannot seek.");

    public override void SetLength(long value) => throw new NotSupportedException("A pipe has no length.");

    public override async ValueTask DisposeAsync()
    {
        if (_isTerminal && _canWrite && Volatile.Read(ref _isDisposed) == 0)
        {
            try
            {
                await WriteAsync(EndOfInput()).ConfigureAwait(false);
                _isEndTyped = true;
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                // Nobody is left to be told.
            }
        }

        await base.DisposeAsync().ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            if (_isTerminal && _canWrite && !_isEndTyped)
            {
                // Whether anybody is left to be told does not matter here.
                TypeEnd();
            }

            _registration.Dispose();
            _handle.Dispose();
        }

        base.Dispose(disposing);
    }

    // Inside a line, the first one only sends what has been typed of it: termios(3), VEOF.
    private byte[] EndOfInput() => _isInsideLine ? [ControlD, ControlD] : [ControlD];

    private unsafe void TypeEnd()
    {
        fixed (byte* end = EndOfInput())
        {
            _ = Attempt(end, _isInsideLine ? 2 : 1, isWrite: true);
        }
    }

    private static unsafe (SafeFileHandle Read, SafeFileHandle Write) Create()
    {
        var ends = stackalloc int[2];
        LinuxException.ThrowIf(pipe2(ends, O_CLOEXEC) < 0 ? Marshal.GetLastPInvokeError() : 0, $"make a pipe");
        return (new SafeFileHandle(ends[0], ownsHandle: true), new SafeFileHandle(ends[1], ownsHandle: true));
    }

    // O_NONBLOCK belongs to the open file description: the other end has its own, and stays as programs expect it.
    private static void SetNonBlocking(SafeFileHandle end) =>
        LinuxException.ThrowIf(fcntl((int)end.DangerousGetHandle(), F_SETFL, O_NONBLOCK) < 0 ? Marshal.GetLastPInvokeError() : 0, $"set up a pipe");

    private ValueTask WaitAsync(bool forWriting, CancellationToken cancellationToken)
    {
        if (_isBusy && IsSoonReady(forWriting))
        {
            return ValueTask.CompletedTask;
        }

        _isBusy = false;
        return new ValueTask(_registration.WaitAsync(forWriting, cancellationToken));
    }

    private unsafe bool IsSoonReady(bool forWriting)
    {
        var counted = false;
        _handle.DangerousAddRef(ref counted);
        try
        {
            pollfd request = default;
            request.fd = (int)_handle.DangerousGetHandle();
            request.events = (short)(forWriting ? POLLOUT : POLLIN);
            return poll(&request, 1, OnTheSpotMilliseconds) > 0;
        }
        finally
        {
            _handle.DangerousRelease();
        }
    }

    // Each time that a pipe runs full or empty, one of two processes has to be woken up: seldom, where there is more room.
    private void Enlarge()
    {
        if (_isLarger || _isTerminal)
        {
            return;
        }

        _isLarger = true;
        var counted = false;
        _handle.DangerousAddRef(ref counted);

        // Refused beyond what the system, or the user, may have in pipes; then it stays as it is, and works as well, only slower.
        _ = fcntl((int)_handle.DangerousGetHandle(), F_SETPIPE_SZ, LargerCapacity);
        _handle.DangerousRelease();
    }

    private unsafe bool TryRead(Span<byte> buffer, out int count)
    {
        fixed (byte* to = buffer)
        {
            // What a terminal answers when nobody has its other side open any more: pty(7).
            var outcome = Attempt(to, buffer.Length, isWrite: false);
            return Finished(_isTerminal && outcome.Errno == Errno.EIO ? default : outcome, "read from a pipe", out count);
        }
    }

    private unsafe bool TryWrite(ReadOnlySpan<byte> buffer, out int count)
    {
        fixed (byte* from = buffer)
        {
            return Finished(Attempt(from, buffer.Length, isWrite: true), "write to a pipe", out count);
        }
    }

    private unsafe (long Result, int Errno) Attempt(byte* buffer, int length, bool isWrite)
    {
        var counted = false;
        _handle.DangerousAddRef(ref counted);
        try
        {
            var fd = (int)_handle.DangerousGetHandle();
            long result;
            int errno;
            do
            {
                result = isWrite ? write(fd, buffer, (size_t)(ulong)length) : read(fd, buffer, (size_t)(ulong)length);
                errno = result < 0 ? Marshal.GetLastPInvokeError() : 0;
            }
            while (errno == Errno.EINTR);
            return (result, errno);
        }
        finally
        {
            _handle.DangerousRelease();
        }
    }

    private static bool Finished((long Result, int Errno) outcome, string attempt, out int count)
    {
        count = (int)Math.Max(outcome.Result, 0);
        if (outcome.Errno is not (0 or Errno.EAGAIN))
        {
            throw new LinuxException(outcome.Errno, attempt);
        }

        return outcome.Errno == 0;
    }
}
