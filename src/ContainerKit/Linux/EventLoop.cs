using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace ContainerKit.Linux;

/// <summary>
/// One thread that waits, by epoll(7), for every pipe and process handle of this process, so that a thousand idle containers
/// cost no thread each. .NET itself reads anonymous pipes by blocking a pool thread.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class EventLoop
{
    private const int EventsAtOnce = 64;

    private static readonly Lazy<EventLoop> Single = new(() => new EventLoop());

    private readonly int _epoll;
    private readonly ConcurrentDictionary<ulong, Registration> _registrations = new();
    private ulong _lastKey;

    private EventLoop()
    {
        _epoll = epoll_create1(EPOLL_CLOEXEC);
        LinuxException.ThrowIf(_epoll < 0 ? Marshal.GetLastPInvokeError() : 0, $"make an epoll instance");
        new Thread(Run) { IsBackground = true, Name = "ContainerKit events" }.Start();
    }

    public static EventLoop Shared => Single.Value;

    /// <summary>Begins to watch a descriptor; nothing is reported until <see cref="Registration.WaitAsync"/>. Dispose of it before the handle.</summary>
    public Registration Watch(SafeHandle handle)
    {
        var registration = new Registration(this, handle, Interlocked.Increment(ref _lastKey));
        _registrations[registration.Key] = registration;
        return registration;
    }

    private unsafe void Run()
    {
        var events = (epoll_event*)NativeMemory.Alloc(EventsAtOnce, (nuint)sizeof(epoll_event));
        while (true)
        {
            var count = epoll_wait(_epoll, events, EventsAtOnce, -1);
            for (var i = 0; i < count; i++)
            {
                if (_registrations.TryGetValue(events[i].data.u64, out var registration))
                {
                    registration.Ready();
                }
            }
        }
    }

    /// <summary>One watched descriptor. One wait at a time.</summary>
    internal sealed class Registration : IDisposable
    {
        private readonly EventLoop _loop;
        private readonly SafeHandle _handle;
        private readonly Lock _gate = new();
        private TaskCompletionSource? _waiting;
        private bool _isAdded;
        private bool _isDisposed;

        public Registration(EventLoop loop, SafeHandle handle, ulong key)
        {
            _loop = loop;
            _handle = handle;
            Key = key;
        }

        public ulong Key { get; }

        /// <summary>Completes when the descriptor can be read (or written), or has come to its end.</summary>
        public async Task WaitAsync(bool forWriting, CancellationToken cancellationToken)
        {
            var waiting = Arm(forWriting);
            await using (cancellationToken.UnsafeRegister(static (source, token) => ((TaskCompletionSource)source!).TrySetCanceled(token), waiting).ConfigureAwait(false))
            {
                await waiting.Task.ConfigureAwait(false);
            }
        }

        private unsafe TaskCompletionSource Arm(bool forWriting)
        {
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_isDisposed, this);
                _waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                epoll_event request = default;
                request.events = (int)((uint)(forWriting ? EPOLLOUT : EPOLLIN) | unchecked((uint)EPOLLONESHOT));
                request.data.u64 = Key;
                var counted = false;
                _handle.DangerousAddRef(ref counted);
                try
                {
                    var result = epoll_ctl(_loop._epoll, _isAdded ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, (int)_handle.DangerousGetHandle(), &request);
                    LinuxException.ThrowIf(result < 0 ? Marshal.GetLastPInvokeError() : 0, $"watch a descriptor");
                    _isAdded = true;
                    return _waiting;
                }
                finally
                {
                    _handle.DangerousRelease();
                }
            }
        }

        public void Ready()
        {
            lock (_gate)
            {
                _waiting?.TrySetResult();
            }
        }

        public unsafe void Dispose()
        {
            lock (_gate)
            {
                if (_isDisposed)
                {
                    return;
                }

                _isDisposed = true;
                _loop._registrations.TryRemove(Key, out _);
                if (_isAdded && !_handle.IsClosed)
                {
                    _ = epoll_ctl(_loop._epoll, EPOLL_CTL_DEL, (int)_handle.DangerousGetHandle(), null);
                }

                // A waiter looks again, and finds the object closed.
                _waiting?.TrySetResult();
            }
        }
    }
}
