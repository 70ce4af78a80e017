using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace ContainerKit.Networking.Netlink;

/// <summary>Puts netlink messages together: a header, a fixed part, and attributes in attributes. netlink(7)</summary>
internal sealed class NetlinkWriter
{
    private const int HeaderSize = 16, AttributeHeaderSize = 4, Alignment = 4;
    private const ushort NestedFlag = 0x8000;

    private byte[] _bytes = new byte[512];
    private int _length;
    private int _sequence;

    /// <summary>All messages so far.</summary>
    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    /// <summary>The number of the last message, which its answer repeats.</summary>
    public int LastSequence => _sequence;

    /// <summary>Adds a message.</summary>
    /// <param name="type">What it asks for.</param>
    /// <param name="flags">How.</param>
    /// <param name="fixedPart">The structure that comes before its attributes.</param>
    /// <param name="attributes">Adds those.</param>
    public NetlinkWriter Message(int type, NetlinkFlags flags, ReadOnlySpan<byte> fixedPart, Action<NetlinkWriter>? attributes = null)
    {
        var start = _length;
        Reserve(HeaderSize);
        Put(fixedPart);
        attributes?.Invoke(this);
        var header = _bytes.AsSpan(start);
        BinaryPrimitives.WriteInt32LittleEndian(header, _length - start);
        BinaryPrimitives.WriteUInt16LittleEndian(header[4..], (ushort)type);
        BinaryPrimitives.WriteUInt16LittleEndian(header[6..], (ushort)(flags | NetlinkFlags.Request));
        BinaryPrimitives.WriteInt32LittleEndian(header[8..], ++_sequence);
        return this;
    }

    public NetlinkWriter Bytes(int type, ReadOnlySpan<byte> value)
    {
        AttributeHeader(Reserve(AttributeHeaderSize), AttributeHeaderSize + value.Length, (ushort)type);
        Put(value);
        return this;
    }

    /// <summary>A text with the NUL behind it.</summary>
    public NetlinkWriter Text(int type, string text) => Bytes(type, Encoding.UTF8.GetBytes(text + '\0'));

    /// <summary>A number in this machine's order, as rtnetlink has them.</summary>
    public NetlinkWriter Number(int type, int value) => Bytes(type, BitConverter.GetBytes(value));

    /// <summary>A number in the network's order, as nfnetlink has them.</summary>
    public NetlinkWriter NetworkNumber(int type, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return Bytes(type, bytes);
    }

    public NetlinkWriter Address(int type, IPAddress address) => Bytes(type, address.GetAddressBytes());

    /// <summary>An attribute that is made of attributes.</summary>
    /// <param name="type">Its type.</param>
    /// <param name="content">Adds them.</param>
    /// <param name="fixedPart">A structure before them, which only a few have.</param>
    public NetlinkWriter Nested(int type, Action<NetlinkWriter>? content = null, ReadOnlySpan<byte> fixedPart = default)
    {
        var start = Reserve(AttributeHeaderSize);
        Put(fixedPart);
        content?.Invoke(this);
        AttributeHeader(start, _length - start, (ushort)(type | NestedFlag));
        return this;
    }

    private void AttributeHeader(int at, int length, ushort type)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(at), checked((ushort)length));
        BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(at + 2), type);
    }

    private void Put(ReadOnlySpan<byte> value)
    {
        // First the room: making it may exchange the array.
        var start = Reserve(value.Length);
        value.CopyTo(_bytes.AsSpan(start));
    }

    private int Reserve(int count)
    {
        var start = _length;
        var padded = (count + Alignment - 1) / Alignment * Alignment;
        if (_bytes.Length < start + padded)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, start + padded));
        }

        _length += padded;
        return start;
    }
}

/// <summary>What is asked of the kernel beside the message itself. linux/netlink.h</summary>
[Flags]
internal enum NetlinkFlags
{
    None = 0,
    Request = 1,
    Acknowledge = 4,
    Exclusive = 0x200,
    Dump = 0x300,
    Create = 0x400,
    Append = 0x800,
}
