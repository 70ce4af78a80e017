using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Fuse;

/// <summary>Serves a file system to the kernel, from the first exchange until it is unmounted or this is disposed of.</summary>
/// <remarks>
/// What dies with the server is the mount: its files then answer ENOTCONN. Descriptors that are passed through go on reading and writing
/// their backing files even then.
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed unsafe class FuseServer : FuseKernel, IDisposable
{
    private const int MostWorkers = 16;

    private readonly FuseFileSystem _files;
    private readonly FuseDevice _device;
    private readonly ILogger _logger;
    private readonly FuseStopSign _stop = new();
    private readonly FuseNotifier _notifier;
    private readonly List<FuseWorker> _workers = [];
    private readonly FuseSlot* _slots = (FuseSlot*)NativeMemory.AllocZeroed(MostWorkers, (nuint)sizeof(FuseSlot));
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentDictionary<FuseOpcode, bool> _reported = new();
    private volatile FusePassthrough _passthrough;
    private int _running;
    private int _resting;
    private bool _isDisposed;

    private FuseServer(FuseDevice device, FuseFileSystem files, FuseServerOptions options, string? whyNoPassthrough, uint minor)
    {
        (_device, _files, _logger, Minor) = (device, files, options.Logger, minor);
        _passthrough = whyNoPassthrough is null ? FusePassthrough.Active : new FusePassthrough(false, whyNoPassthrough);
        _notifier = new FuseNotifier(device);
    }

    /// <summary>The protocol's minor version that is spoken.</summary>
    public uint Minor { get; }

    public override FusePassthrough Passthrough => _passthrough;

    /// <summary>Completes when the mount is gone, or all of its workers are.</summary>
    public Task Ended => _ended.Task;

    internal SafeFileHandle Stopping => _stop.Handle;

    internal bool IsStopping => _stop.IsGiven;

    /// <summary>
    /// Begins to serve. The device is open and mounted already, by whomever: in a user namespace that must be a process in there. It belongs to the server from now on.
    /// </summary>
    /// <exception cref="StorageException">The kernel's protocol is too old, or passthrough was demanded and is not to be had.</exception>
    public static FuseServer Start(SafeFileHandle device, FuseFileSystem files, FuseServerOptions options)
    {
        var connection = new FuseDevice(device);
        FuseServer? server = null;
        try
        {
            var (minor, whyNoPassthrough) = FuseHandshake.Perform(connection, files, options);
            server = new FuseServer(connection, files, options, whyNoPassthrough, minor);
            files.Start(server);
            for (var i = 0; i < options.Workers; i++)
            {
                server.Grow();
            }

            options.Logger.Serving(minor, options.Workers, server.Passthrough.ToString());
            return server;
        }
        catch
        {
            server?.Dispose();
            connection.Dispose();
            throw;
        }
    }

    public override int TryOpenBacking(SafeFileHandle file, out int backingId)
    {
        var errno = _device.TryOpenBacking(file, out backingId);
        if (errno == Errno.EPERM)
        {
            _passthrough = new FusePassthrough(false, FuseNegotiation.Refused(errno));
        }

        return errno;
    }

    public override void CloseBacking(int backingId) => _ = _device.TryCloseBacking(backingId);

    public override void InvalidateAttributes(ulong node) => FuseNotifier.TellInode(_device, node, -1, 0);

    public override void InvalidateData(ulong node, long offset = 0, long length = 0) => _notifier.Queue(node, offset, length);

    public override void InvalidateEntry(ulong parent, ReadOnlySpan<byte> name) => _notifier.Queue(parent, name);

    public override bool CanForgetNames => Minor >= 44;

    public override void ForgetNames() => FuseNotifier.TellEpoch(_device);

    public override void ForgetListing(ulong node) => FuseNotifier.TellInode(_device, node, 0, 0);

    public override void WaitUntilTold() => _notifier.WaitUntilTold();

    public override void ExpectLongWork()
    {
        if (Volatile.Read(ref _resting) == 0)
        {
            Grow();
        }
    }

    /// <summary>Stops serving, once what is being answered is answered. What is still mounted answers ENOTCONN from then on.</summary>
    public void Dispose()
    {
        lock (_workers)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
        }

        _stop.Give();
        _workers.ForEach(worker => worker.Join());
        _notifier.Dispose();
        _workers.ForEach(worker => worker.Dispose());
        _device.Dispose();
        _files.Stop();
        _stop.Dispose();
        NativeMemory.Free(_slots);
        _ended.TrySetResult();
    }

    /// <summary>Marks a request that is being answered as interrupted. False when no worker is at it.</summary>
    internal bool TryInterrupt(ulong unique)
    {
        for (var i = 0; i < MostWorkers; i++)
        {
            if (Volatile.Read(ref _slots[i].Unique) == unique)
            {
                Volatile.Write(ref _slots[i].IsInterrupted, 1);
                return true;
            }
        }

        return false;
    }

    internal void Rest() => Interlocked.Increment(ref _resting);

    internal void Resume() => Interlocked.Decrement(ref _resting);

    internal void Report(FuseOpcode opcode, Exception exception)
    {
        if (_reported.TryAdd(opcode, true))
        {
            _logger.RequestFailed(opcode, exception);
        }
    }

    internal void Fail(Exception exception) => _logger.ServerFailed(exception);

    internal void End()
    {
        if (Interlocked.Decrement(ref _running) == 0)
        {
            _ended.TrySetResult();
        }
    }

    private void Grow()
    {
        lock (_workers)
        {
            var number = _workers.Count;
            if (!_isDisposed && number < MostWorkers)
            {
                var worker = new FuseWorker(this, _device.Clone(), _files, _slots + number, number);
                _workers.Add(worker);
                Interlocked.Increment(ref _running);
                worker.Start();
            }
        }
    }
}
