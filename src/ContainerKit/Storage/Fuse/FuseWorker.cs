using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using ContainerKit.Linux;
using Raw = ContainerKit.Linux.LibC;

namespace ContainerKit.Storage.Fuse;

/// <summary>
/// One thread that answers requests, on a descriptor of its own, with two buffers of its own. After an answer it looks for the next request for some
/// microseconds before it sleeps: to be woken costs more than most requests.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class FuseWorker : IDisposable
{
    // The largest write with its headers, and then some: the kernel refuses to read into less.
    private const int InputSize = FuseNegotiation.MaxWrite + FuseNegotiation.PageSize;
    private const int OutputSize = FuseNegotiation.MaxWrite;
    private static readonly long Patience = Stopwatch.Frequency * 50 / 1_000_000;

    private readonly FuseServer _server;
    private readonly FuseDevice _device;
    private readonly FuseWait _wait;
    private readonly FuseSlot* _slot;
    private readonly byte* _memory;
    private readonly byte* _input;
    private readonly byte* _output;
    private readonly FuseDispatcher _dispatcher;
    private readonly Thread _thread;

    public FuseWorker(FuseServer server, FuseDevice device, FuseFileSystem files, FuseSlot* slot, int number)
    {
        _server = server;
        _device = device;
        _slot = slot;
        _wait = new FuseWait(device, server.Stopping);

        // The header lies at the end of a page, so that data begins at the start of one.
        _memory = (byte*)NativeMemory.AlignedAlloc(FuseNegotiation.PageSize + OutputSize + InputSize, FuseNegotiation.PageSize);
        _output = _memory + FuseNegotiation.PageSize;
        _input = _output + OutputSize;
        _dispatcher = new FuseDispatcher(files, _output, OutputSize, &slot->IsInterrupted);
        _thread = new Thread(Run, maxStackSize: 512 * 1024) { IsBackground = true, Name = $"FUSE worker {number}" };
    }

    public void Start() => _thread.Start();

    public void Join() => _thread.Join();

    public void Dispose()
    {
        _wait.Dispose();
        _device.Dispose();
        NativeMemory.AlignedFree(_memory);
    }

    private void Run()
    {
        try
        {
            // A umask of one's own needs a file system context of one's own.
            LinuxException.ThrowIf(Raw.unshare(Raw.CLONE_FS) < 0 ? Marshal.GetLastPInvokeError() : 0, $"give a thread its own umask");
            _ = Raw.umask(0);
            while (Next(out var length))
            {
                Serve(length);
            }
        }
        catch (LinuxException e)
        {
            _server.Fail(e);
        }
        finally
        {
            _server.End();
        }
    }

    /// <summary>Waits for a request. False when the file system is unmounted, or the server stops.</summary>
    private bool Next(out int length)
    {
        var patienceEnds = Stopwatch.GetTimestamp() + Patience;
        length = 0;
        while (!_server.IsStopping)
        {
            switch (_device.TryRead(_input, InputSize, out length))
            {
                case 0:
                    return true;
                case Errno.EAGAIN when Stopwatch.GetTimestamp() < patienceEnds:
                    continue;
                case Errno.EAGAIN:
                    _server.Rest();
                    var isReady = _wait.UntilReady();
                    _server.Resume();
                    if (!isReady)
                    {
                        return false;
                    }

                    break;

                // The asker gave up before the request was read, or a signal came by.
                case Errno.ENOENT or Errno.EINTR:
                    break;
                case Errno.ENODEV or Errno.ENOTCONN:
                    return false;
                case var errno:
                    throw new LinuxException(errno, "read a request from the kernel");
            }
        }

        return false;
    }

    private void Serve(int length)
    {
        ref readonly var header = ref Unsafe.AsRef<FuseInHeader>(_input);
        if (length < sizeof(FuseInHeader) || header.Length != length)
        {
            throw new LinuxException(Errno.EIO, "understand the kernel, whose request is not as long as it says");
        }

        if (header.Opcode == FuseOpcode.Interrupt)
        {
            Interrupt(header);
            return;
        }

        var (opcode, unique, node) = (header.Opcode, header.Unique, header.NodeId);
        Volatile.Write(ref _slot->IsInterrupted, 0);
        Volatile.Write(ref _slot->Unique, unique);
        var errno = Ask(length, opcode, out var payload);
        Volatile.Write(ref _slot->Unique, 0);
        if (FuseDispatcher.IsAnswered(opcode) && Answer(unique, errno, payload) == Errno.ENOENT)
        {
            _dispatcher.TakeBack(opcode, node);
        }
    }

    private int Ask(int length, FuseOpcode opcode, out int payload)
    {
        try
        {
            return _dispatcher.Ask(_input, length, out payload);
        }
        catch (LinuxException e)
        {
            payload = 0;
            return e.Errno;
        }
#pragma warning disable CA1031 // One request that goes wrong must not take the mount from everybody else.
        catch (Exception e)
        {
            payload = 0;
            _server.Report(opcode, e);
            return Errno.EIO;
        }
#pragma warning restore CA1031
    }

    private int Answer(ulong unique, int errno, int payload)
    {
        var answer = (FuseOutHeader*)(_output - sizeof(FuseOutHeader));
        *answer = new FuseOutHeader { Length = (uint)(sizeof(FuseOutHeader) + payload), Error = -errno, Unique = unique };
        return _device.TryWrite((byte*)answer, (int)answer->Length);
    }

    // The request that is interrupted may have been read by a worker that has not said so yet: the kernel asks again after EAGAIN.
    private void Interrupt(in FuseInHeader header)
    {
        var target = *(ulong*)(_input + sizeof(FuseInHeader));
        if (!_server.TryInterrupt(target))
        {
            Answer(header.Unique, Errno.EAGAIN, 0);
        }
    }
}

/// <summary>Which request a worker is at, for others to see.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct FuseSlot
{
    public ulong Unique;
    public int IsInterrupted;
}
