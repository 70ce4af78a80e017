using System.Text;

namespace ContainerKit.Tests.Layers;

/// <summary>Writes tar archives by hand, right or wrong, for tests: nothing is checked but the checksum, and that can be spoiled too.</summary>
internal sealed class RawTar
{
    private readonly List<byte> _bytes = [];

    /// <summary>Adds an entry; <paramref name="patch"/> changes the header before its checksum is made.</summary>
    public RawTar Add(string name, char type = '0', string content = "", string link = "", Action<byte[]>? patch = null) =>
        Add(Encoding.UTF8.GetBytes(name), type, Encoding.UTF8.GetBytes(content), Encoding.UTF8.GetBytes(link), patch);

    /// <inheritdoc cref="Add(string, char, string, string, Action{byte[]}?)"/>
    public RawTar Add(byte[] name, char type, byte[] content, byte[] link, Action<byte[]>? patch = null)
    {
        var header = new byte[512];
        name.CopyTo(header, 0);
        Put(header, 100, "0000644\0");
        Put(header, 108, "0000000\0");
        Put(header, 116, "0000000\0");
        Put(header, 124, Convert.ToString(content.Length, 8).PadLeft(11, '0') + "\0");
        Put(header, 136, "00000000000\0");
        header[156] = (byte)type;
        link.CopyTo(header, 157);
        Put(header, 257, "ustar\0" + "00");
        patch?.Invoke(header);
        Put(header, 148, "        ");
        Put(header, 148, Convert.ToString(header.Sum(each => each), 8).PadLeft(6, '0') + "\0 ");
        return Bytes(header).Content(content);
    }

    /// <summary>Adds a pax header for the next entry.</summary>
    public RawTar Pax(params (string Key, string Value)[] records) => Add("PaxHeader"u8.ToArray(), 'x', [.. records.SelectMany(Record)], []);

    /// <summary>Adds a pax header for all entries that follow.</summary>
    public RawTar GlobalPax(params (string Key, string Value)[] records) => Add("PaxHeader"u8.ToArray(), 'g', [.. records.SelectMany(Record)], []);

    /// <summary>Adds a GNU header with a name that is too long for its field.</summary>
    public RawTar GnuLong(char type, string text) => Add("././@LongLink"u8.ToArray(), type, Encoding.UTF8.GetBytes(text + "\0"), [], Gnu);

    /// <summary>Adds bytes as they are.</summary>
    public RawTar Bytes(ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    /// <summary>Adds two blocks of zeros.</summary>
    public RawTar End() => Bytes(new byte[1024]);

    public byte[] ToArray() => [.. _bytes];

    /// <summary>Makes a header one of GNU tar's.</summary>
    public static void Gnu(byte[] header) => Put(header, 257, "ustar  \0");

    /// <summary>Writes ASCII into a header.</summary>
    public static void Put(byte[] header, int offset, string text) => Encoding.Latin1.GetBytes(text).CopyTo(header, offset);

    private RawTar Content(byte[] content) => Bytes(content).Bytes(new byte[-content.Length & 511]);

    private static byte[] Record((string Key, string Value) record)
    {
        var body = Encoding.UTF8.GetBytes($" {record.Key}={record.Value}\n");
        var length = body.Length + 1;
        while ($"{length}".Length + body.Length != length)
        {
            length++;
        }

        return [.. Encoding.ASCII.GetBytes($"{length}"), .. body];
    }
}
