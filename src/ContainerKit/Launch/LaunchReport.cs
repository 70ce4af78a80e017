using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace ContainerKit.Launch;

/// <summary>What a launch program can say.</summary>
internal enum LaunchRecordKind
{
    /// <summary>It has started a process: the value is its number.</summary>
    Started,

    /// <summary>It waits for the maps of its user namespace.</summary>
    NeedsMaps,

    /// <summary>The process that it has started waits for its network.</summary>
    NeedsNetwork,

    /// <summary>Another process has taken the program's place: the value is its number.</summary>
    Continued,

    /// <summary>A step has failed.</summary>
    Failed,
}

/// <summary>The first words of records that are no failures; those begin with the index of a step.</summary>
internal static class LaunchMarks
{
    public const int Started = -1, NeedsMaps = -2, Search = -3, NeedsNetwork = -4, Continued = -5;
}

internal sealed record LaunchRecord(LaunchRecordKind Kind, int Value, LaunchFailedException? Failure);

/// <summary>
/// The reading end of a launch program's report. Records have 8 bytes: two 32-bit words, which are a step's index and its error
/// number, or a negative mark and a value.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class LaunchReport : IDisposable
{
    private const int RecordSize = 8;

    // More than any program says; whoever writes more is no launch program.
    private const int MostBytes = 4096;

    private readonly SafeFileHandle _pipe;
    private readonly LaunchProgram _program;
    private readonly EventLoop.Registration _registration;
    private readonly byte[] _bytes = new byte[MostBytes];
    private int _position;
    private int _filled;

    public LaunchReport(SafeFileHandle pipe, LaunchProgram program)
    {
        _pipe = pipe;
        _program = program;
        var result = fcntl((int)pipe.DangerousGetHandle(), F_SETFL, O_NONBLOCK);
        LinuxException.ThrowIf(result < 0 ? Marshal.GetLastPInvokeError() : 0, $"set up a pipe");
        _registration = EventLoop.Shared.Watch(pipe);
    }

    /// <summary>The process that has taken the program's place; 0 when none has. Only the very first record counts: what comes later, a container could have a hand in.</summary>
    public int Successor { get; private set; }

    /// <summary>The next record, or null at the end.</summary>
    public async Task<LaunchRecord?> ReadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            if (TryParse() is { } record)
            {
                return record;
            }

            switch (TryFill())
            {
                case Errno.EAGAIN:
                    await _registration.WaitAsync(forWriting: false, cancellationToken).ConfigureAwait(false);
                    break;
                case -1:
                    return null;
            }
        }
    }

    /// <summary>Waits for the first process that is reported, for a launch that is given up; null when none is, or only nonsense.</summary>
    public async Task<LaunchedProcess?> AwaitProcessAsync(TimeSpan timeout)
    {
        using var limited = new CancellationTokenSource(timeout);
        try
        {
            while (await ReadAsync(limited.Token).ConfigureAwait(false) is { } record)
            {
                if (record.Kind == LaunchRecordKind.Started)
                {
                    return new LaunchedProcess(record.Value, ProcessCalls.OpenProcess(record.Value));
                }
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or LaunchFailedException or LinuxException)
        {
            // Nothing was reported, or nothing that makes sense: then nothing was started.
        }

        return null;
    }

    public void Dispose()
    {
        _registration.Dispose();
        _pipe.Dispose();
    }

    private LaunchRecord? TryParse()
    {
        var bytes = _bytes.AsSpan(_position.._filled);
        if (bytes.Length < RecordSize)
        {
            return null;
        }

        var (mark, value) = (BinaryPrimitives.ReadInt32LittleEndian(bytes), BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]));
        var size = RecordSize;
        LaunchRecord record;
        switch (mark)
        {
            case LaunchMarks.Started:
                record = new LaunchRecord(LaunchRecordKind.Started, value, null);
                break;
            case LaunchMarks.NeedsMaps:
                record = new LaunchRecord(LaunchRecordKind.NeedsMaps, value, null);
                break;
            case LaunchMarks.NeedsNetwork:
                record = new LaunchRecord(LaunchRecordKind.NeedsNetwork, value, null);
                break;
            case LaunchMarks.Continued:
                record = new LaunchRecord(LaunchRecordKind.Continued, value, null);
                Successor = Successor == 0 && _position == 0 ? value : Successor;
                break;
            case LaunchMarks.Search:
                size += 8 * (value & 0xFF);
                if (bytes.Length < size)
                {
                    return null;
                }

                record = new LaunchRecord(LaunchRecordKind.Failed, value, SearchFailure(bytes[RecordSize..size]));
                break;
            default:
                record = new LaunchRecord(LaunchRecordKind.Failed, value, Failure(mark, value));
                break;
        }

        _position += size;
        return record;
    }

    private LaunchFailedException Failure(int index, int errno) => index >= 0 && index < _program.Steps.Count
        ? new LaunchFailedException(_program.Steps[index], errno)
        : new LaunchFailedException("The launch program reported what makes no sense.");

    /// <summary>
    /// A program was looked for in several places, and each answered with an error (as the kernel returns it, negative). One that is
    /// there but cannot be run says more than all where there is nothing.
    /// </summary>
    private LaunchFailedException SearchFailure(ReadOnlySpan<byte> results)
    {
        var errno = Errno.ENOENT;
        foreach (var result in MemoryMarshal.Cast<byte, long>(results))
        {
            errno = result == -Errno.EACCES ? Errno.EACCES : errno;
        }

        return new LaunchFailedException(_program.Steps.Last(step => step.Call == SystemCall.execve), errno);
    }

    /// <returns>0 when there is more, <see cref="Errno.EAGAIN"/>, or -1 at the end.</returns>
    private unsafe int TryFill()
    {
        if (_filled == _bytes.Length)
        {
            throw new LaunchFailedException("The launch program reported what makes no sense.");
        }

        fixed (byte* to = &_bytes[_filled])
        {
            var count = (int)(long)read((int)_pipe.DangerousGetHandle(), to, (size_t)(ulong)(_bytes.Length - _filled));
            if (count > 0)
            {
                _filled += count;
                return 0;
            }

            var errno = count < 0 ? Marshal.GetLastPInvokeError() : 0;
            if (errno is not (0 or Errno.EAGAIN or Errno.EINTR))
            {
                throw new LinuxException(errno, "read a launch program's report");
            }

            return count == 0 ? -1 : errno == Errno.EINTR ? 0 : errno;
        }
    }
}
