using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;
using static Tmds.Linux.LibC;

namespace ContainerKit.Networking.Netlink;

/// <summary>A socket to the kernel's own network configuration, in the network namespace that it was made in. netlink(7)</summary>
/// <remarks>The kernel does what a message asks for while it is being sent, and answers at once: nothing here waits.</remarks>
[SupportedOSPlatform("linux")]
internal sealed unsafe class NetlinkSocket : IDisposable
{
    private const int NetlinkFamily = 16, HeaderSize = 16, MostBytes = 8 << 20, SendBufferForce = 32;
    private const ushort ErrorType = 2, DoneType = 3;

    private readonly SafeFileHandle _socket;

    private NetlinkSocket(SafeFileHandle socket) => _socket = socket;

    /// <summary>Opens one in the namespace of this process.</summary>
    public static NetlinkSocket Open(NetlinkProtocol protocol)
    {
        var fd = socket(NetlinkFamily, SOCK_RAW | SOCK_CLOEXEC, (int)protocol);
        LinuxException.ThrowIf(fd < 0 ? Marshal.GetLastPInvokeError() : 0, $"open a netlink socket");
        var handle = new SafeFileHandle(fd, ownsHandle: true);

        // A whole set of firewall rules is one message. Where the limit cannot be raised, smaller sets still go.
        var size = MostBytes;
        _ = setsockopt(fd, SOL_SOCKET, SendBufferForce, &size, sizeof(int));
        return new NetlinkSocket(handle);
    }

    /// <summary>Opens one in the network namespace of another process.</summary>
    /// <remarks>By a thread that enters the namespace and ends there: no other thread ever runs in it.</remarks>
    public static NetlinkSocket OpenIn(SafeFileHandle process, NetlinkProtocol protocol)
    {
        NetlinkSocket? result = null;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                NamespaceCalls.EnterNetworkOf(process);
                result = Open(protocol);
            }
#pragma warning disable CA1031 // It is thrown again, by the thread that it belongs to.
            catch (Exception e)
#pragma warning restore CA1031
            {
                failure = e;
            }
        })
        { IsBackground = true, Name = "ContainerKit network namespace" };
        thread.Start();
        thread.Join();
        return failure is null ? result! : throw failure;
    }

    /// <summary>Sends messages of which the last asks for an answer, and waits for that.</summary>
    /// <param name="messages">The messages.</param>
    /// <param name="attempt">What they do, as a message says it after "Cannot".</param>
    /// <returns>What the kernel refused one of them with; 0 when it did all.</returns>
    public int TryExecute(NetlinkWriter messages, string attempt) => TryAsk(messages, attempt, out _);

    /// <inheritdoc cref="TryExecute"/>
    /// <param name="messages">The messages.</param>
    /// <param name="attempt">What they do.</param>
    /// <param name="answer">The body of what the kernel tells beside that; null when it is nothing.</param>
    public int TryAsk(NetlinkWriter messages, string attempt, out byte[]? answer)
    {
        answer = null;
        Send(messages, attempt);
        foreach (var message in Receive(messages.LastSequence, attempt))
        {
            if (message.Type == ErrorType)
            {
                return -BinaryPrimitives.ReadInt32LittleEndian(message.Content);
            }

            answer = message.Content;
        }

        throw new LinuxException(Errno.EIO, attempt);
    }

    /// <inheritdoc cref="TryExecute"/>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public void Execute(NetlinkWriter messages, string attempt)
    {
        var errno = TryExecute(messages, attempt);
        if (errno != 0)
        {
            throw new LinuxException(errno, attempt);
        }
    }

    /// <summary>Asks for a list.</summary>
    /// <returns>The bodies of its messages, behind their headers.</returns>
    public IReadOnlyList<byte[]> Dump(NetlinkWriter question, string attempt)
    {
        Send(question, attempt);
        var found = new List<byte[]>();
        foreach (var message in Receive(question.LastSequence, attempt))
        {
            if (message.Type == ErrorType)
            {
                throw new LinuxException(-BinaryPrimitives.ReadInt32LittleEndian(message.Content), attempt);
            }

            if (message.Type == DoneType)
            {
                return found;
            }

            found.Add(message.Content);
        }

        return found;
    }

    public void Dispose() => _socket.Dispose();

    private void Send(NetlinkWriter messages, string attempt)
    {
        fixed (byte* bytes = messages.Written)
        {
            long sent = send((int)_socket.DangerousGetHandle(), bytes, (Tmds.Linux.size_t)(ulong)messages.Written.Length, 0);
            if (sent < 0)
            {
                throw new LinuxException(Marshal.GetLastPInvokeError(), attempt);
            }
        }
    }

    // Of a batch, errors of any message are answers; the acknowledgement is that of the last.
    private IEnumerable<NetlinkAnswer> Receive(int lastSequence, string attempt)
    {
        var buffer = new byte[64 << 10];
        while (true)
        {
            var length = Receive(buffer, attempt);
            for (var at = 0; at + HeaderSize <= length;)
            {
                var header = buffer.AsSpan(at);
                var size = BinaryPrimitives.ReadInt32LittleEndian(header);
                if (size < HeaderSize || at + size > length)
                {
                    throw new LinuxException(Errno.EIO, attempt);
                }

                var type = BinaryPrimitives.ReadUInt16LittleEndian(header[4..]);
                var isOurs = BinaryPrimitives.ReadInt32LittleEndian(header[8..]) <= lastSequence;
                var content = header[HeaderSize..size].ToArray();
                at += (size + 3) / 4 * 4;
                if (isOurs)
                {
                    yield return new NetlinkAnswer(type, content);
                }
            }
        }
    }

    private int Receive(byte[] buffer, string attempt)
    {
        fixed (byte* bytes = buffer)
        {
            while (true)
            {
                long count = recv((int)_socket.DangerousGetHandle(), bytes, (Tmds.Linux.size_t)(ulong)buffer.Length, 0);
                if (count >= 0)
                {
                    return (int)count;
                }

                if (Marshal.GetLastPInvokeError() is var errno and not Errno.EINTR)
                {
                    throw new LinuxException(errno, attempt);
                }
            }
        }
    }

    private readonly record struct NetlinkAnswer(ushort Type, byte[] Content);
}

/// <summary>Which part of the kernel is spoken to.</summary>
internal enum NetlinkProtocol
{
    /// <summary>Interfaces, addresses, routes: rtnetlink(7).</summary>
    Route = 0,

    /// <summary>nftables.</summary>
    Netfilter = 12,
}
