using System.Runtime.CompilerServices;
using System.Runtime.Versioning;

namespace ContainerKit.Storage.Fuse;

/// <summary>Tells the kernel what to forget, in order, from a thread that holds nothing that the kernel could wait for.</summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class FuseNotifier : IDisposable
{
    private const int LongestName = 256;

    private readonly FuseDevice _device;
    private readonly Queue<Notice> _queue = new();
    private readonly Lock _gate = new();
    private readonly Thread _thread;
    private readonly SemaphoreSlim _work = new(0);
    private readonly ManualResetEventSlim _told = new(true);
    private bool _isStopping;

    public FuseNotifier(FuseDevice device)
    {
        _device = device;
        _thread = new Thread(Run, maxStackSize: 256 * 1024) { IsBackground = true, Name = "FUSE notifier" };
        _thread.Start();
    }

    /// <summary>Tells at once. An offset below 0 is about the attributes alone, for which the kernel takes no lock.</summary>
    public static void TellInode(FuseDevice device, ulong node, long offset, long length)
    {
        var message = stackalloc byte[sizeof(FuseOutHeader) + sizeof(InodeNotice)];
        Unsafe.Write(message + sizeof(FuseOutHeader), new InodeNotice { Node = node, Offset = offset, Length = length });
        Tell(device, message, FuseNotice.InvalidateInode, sizeof(InodeNotice));
    }

    /// <summary>Tells at once that no name may be taken for known; the kernel takes no lock for it.</summary>
    public static void TellEpoch(FuseDevice device)
    {
        var message = stackalloc byte[sizeof(FuseOutHeader)];
        Tell(device, message, FuseNotice.IncrementEpoch, payload: 0);
    }

    public void Queue(ulong node, long offset, long length) => Queue(new Notice { Node = node, Offset = offset, Length = length });

    /// <summary>A name longer than any file system has names the kernel cannot know.</summary>
    public void Queue(ulong parent, ReadOnlySpan<byte> name)
    {
        var notice = new Notice { Node = parent, NameLength = name.Length };
        if (name.Length is > 0 and <= LongestName)
        {
            name.CopyTo(notice.Name);
            Queue(notice);
        }
    }

    public void WaitUntilTold() => _told.Wait();

    /// <summary>Ends the thread when all is told; what the workers no longer answer for, the kernel does not wait for.</summary>
    public void Dispose()
    {
        _isStopping = true;
        _work.Release();
        _thread.Join();
        _work.Dispose();
        _told.Dispose();
    }

    private void Queue(in Notice notice)
    {
        lock (_gate)
        {
            _queue.Enqueue(notice);
            _told.Reset();
        }

        _work.Release();
    }

    private void Run()
    {
        while (true)
        {
            _work.Wait();
            Notice notice;
            lock (_gate)
            {
                if (!_queue.TryDequeue(out notice))
                {
                    if (_isStopping)
                    {
                        return;
                    }

                    continue;
                }
            }

            if (notice.NameLength == 0)
            {
                TellInode(_device, notice.Node, notice.Offset, notice.Length);
            }
            else
            {
                TellEntry(notice);
            }

            lock (_gate)
            {
                if (_queue.Count == 0)
                {
                    _told.Set();
                }
            }
        }
    }

    private void TellEntry(in Notice notice)
    {
        var size = sizeof(EntryNotice) + notice.NameLength + 1;
        var message = stackalloc byte[sizeof(FuseOutHeader) + size];
        Unsafe.Write(message + sizeof(FuseOutHeader), new EntryNotice { Parent = notice.Node, NameLength = (uint)notice.NameLength });
        var name = new Span<byte>(message + sizeof(FuseOutHeader) + sizeof(EntryNotice), notice.NameLength + 1);
        ((ReadOnlySpan<byte>)notice.Name)[..notice.NameLength].CopyTo(name);
        name[^1] = 0;
        Tell(_device, message, FuseNotice.InvalidateEntry, size);
    }

    // What the kernel does not know it need not forget (ENOENT), and what is unmounted is forgotten (ENOTCONN and others).
    private static void Tell(FuseDevice device, byte* message, FuseNotice notice, int payload)
    {
        var length = sizeof(FuseOutHeader) + payload;
        Unsafe.Write(message, new FuseOutHeader { Length = (uint)length, Error = (int)notice });
        _ = device.TryWrite(message, length);
    }

    private struct Notice
    {
        public ulong Node;
        public long Offset;
        public long Length;
        public int NameLength;
        public NameBytes Name;
    }

    [InlineArray(LongestName)]
    private struct NameBytes
    {
        private byte _first;
    }

    private struct InodeNotice
    {
        public ulong Node;
        public long Offset;
        public long Length;
    }

    // The length has 32 bits, and flags that are not used fill the rest.
    private struct EntryNotice
    {
        public ulong Parent;
        public ulong NameLength;
    }
}
