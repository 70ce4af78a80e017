using System.Net.Sockets;
using System.Runtime.Versioning;
using ContainerKit.Launch;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Networking;

/// <summary>
/// The network of one container, as a place to open sockets in. A socket belongs for ever to the namespace that it was made in, whoever
/// holds it: so a worker inside makes it, and this process does everything else, asynchronously and on its own threads.
/// </summary>
/// <remarks>The alternative, a thread that enters the namespace, is open to root alone: no process with several threads may join a user namespace (setns(2)).</remarks>
[SupportedOSPlatform("linux")]
internal sealed class NetworkNamespace : IDisposable
{
    private readonly SafeFileHandle? _process;
    private readonly Func<SafeFileHandle, Task<FileWorker>>? _join;
    private readonly CancellationTokenSource _ended = new();
    private readonly Lock _gate = new();
    private Task<FileWorker>? _worker;
    private bool _isDisposed;

    private NetworkNamespace(string owner, SafeFileHandle? process, Func<SafeFileHandle, Task<FileWorker>>? join)
    {
        (Owner, _process, _join) = (owner, process, join);
        Ended = _ended.Token;
    }

    /// <summary>What messages call the container.</summary>
    public string Owner { get; }

    /// <summary>Whether it is the network of the host.</summary>
    public bool IsHost => _join is null;

    /// <summary>Cancelled when the container has ended.</summary>
    public CancellationToken Ended { get; }

    /// <summary>The host's own network, for a container that shares it.</summary>
    public static NetworkNamespace OfHost(string owner) => new(owner, null, null);

    /// <summary>The network namespace of a container. Nothing is started before the first socket.</summary>
    /// <param name="owner">What messages call the container.</param>
    /// <param name="process">The handle of its first process, open until this object is disposed of.</param>
    /// <param name="hasUserNamespace">Whether it has a user namespace of its own.</param>
    /// <param name="isSingle">Whether that has a single id.</param>
    /// <param name="programDirectory">Where launch programs go on hosts that forbid them in memory.</param>
    public static NetworkNamespace Of(string owner, SafeFileHandle process, bool hasUserNamespace, bool isSingle, string? programDirectory) =>
        new(owner, process, own => FileWorker.JoinNetworkAsync(own, hasUserNamespace, isSingle, programDirectory, CancellationToken.None));

    /// <summary>Makes a socket there, neither bound nor connected.</summary>
    /// <exception cref="NetworkException">The container has ended, or the kernel has no such sockets.</exception>
    public async Task<Socket> OpenSocketAsync(AddressFamily family, SocketType type, ProtocolType protocol, CancellationToken cancellationToken)
    {
        if (IsHost)
        {
            return _isDisposed ? throw WhyEnded() : new Socket(family, type, protocol);
        }

        var starting = Join();
        FileWorker worker;
        try
        {
            worker = await starting.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (HostCapabilityException e)
        {
            throw e.InnerException is LaunchFailedException { Errno: Errno.ESRCH }
                ? WhyEnded(e)
                : new NetworkException($"Cannot open a socket in the container '{Owner}': {(e.InnerException ?? e).Message.TrimEnd('.')}.", e) { Hint = e.Hint };
        }

        return new Socket(new SafeSocketHandle(Take(starting, worker, family, type, protocol), ownsHandle: true));
    }

    /// <summary>The exception for those who come too late.</summary>
    public NetworkException WhyEnded(Exception? cause = null) =>
        new($"The container '{Owner}' has ended, and its network with it.", cause) { SocketError = SocketError.NetworkDown };

    /// <summary>The container has ended: nothing more can be opened, and what waits for a connection stops waiting.</summary>
    public void Dispose()
    {
        Task<FileWorker>? worker;
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            worker = _worker;
        }

        _ended.Cancel();
        _ended.Dispose();

        // One that is just being started must not be left behind either.
        worker?.ContinueWith(static started => started.Result.Dispose(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
    }

    private Task<FileWorker> Join()
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                throw WhyEnded();
            }

            if (_worker is null or { IsFaulted: true } or { IsCanceled: true })
            {
                // The container may end at any moment, and then its handle is closed: this copy is the launch's own.
                _worker = StartAsync(ProcessCalls.Raise(_process!));
            }

            return _worker;
        }
    }

    private async Task<FileWorker> StartAsync(SafeFileHandle process)
    {
        using (process)
        {
            return await _join!(process).ConfigureAwait(false);
        }
    }

    private nint Take(Task<FileWorker> starting, FileWorker worker, AddressFamily family, SocketType type, ProtocolType protocol)
    {
        const int closeOnExec = 0x80000;
        var domain = family switch
        {
            AddressFamily.InterNetwork => 2,
            AddressFamily.InterNetworkV6 => 10,
            _ => throw new ArgumentOutOfRangeException(nameof(family)),
        };
        long result;
        SafeFileHandle? socket;
        try
        {
            result = worker.Perform(null, null, [], out socket, request => request.FinishWithDescriptor(SystemCall.socket, domain, (int)type | closeOnExec, (int)protocol));
        }
        catch (Exception e) when (e is LinuxException or ObjectDisposedException)
        {
            lock (_gate)
            {
                if (_isDisposed)
                {
                    throw WhyEnded(e);
                }

                // Somebody has killed the worker. The next one who needs it starts another.
                _worker = _worker == starting ? null : _worker;
            }

            worker.Dispose();
            throw new NetworkException($"Cannot open a socket in the container '{Owner}': {e.Message}", e);
        }

        if (socket is null)
        {
            throw new NetworkException($"Cannot open a socket in the container '{Owner}': {LinuxException.Describe((int)-result)}.")
            {
                SocketError = result == -97 ? SocketError.AddressFamilyNotSupported : SocketError.SocketError,
            };
        }

        using (socket)
        {
            var descriptor = socket.DangerousGetHandle();
            socket.SetHandleAsInvalid();
            return descriptor;
        }
    }
}
