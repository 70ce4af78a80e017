using System.Globalization;
using ContainerKit.Linux;

namespace ContainerKit.Launch;

/// <summary>A piece of a launch program's memory: texts and structures that calls point to, and room for what they answer.</summary>
/// <param name="content">What it holds when the program starts.</param>
/// <param name="text">How a dump shows it; null for a structure of words, which says it itself.</param>
internal sealed class LaunchData(byte[] content, string? text)
{
    private List<(int Offset, LaunchData Target, int TargetOffset)>? _pointers;
    private Operand[] _words = [];
    private bool _isText;

    public byte[] Content { get; } = content;

    /// <summary>Where the image has put it.</summary>
    public uint Address { get; set; }

    /// <summary>The places in <see cref="Content"/> that hold the address of other data.</summary>
    public IReadOnlyList<(int Offset, LaunchData Target, int TargetOffset)> Pointers => _pointers ?? [];

    /// <summary>Room for one result.</summary>
    public static LaunchData Slot(int bytes = 8) => new(new byte[bytes], $"[{bytes} bytes]");

    public static LaunchData Text(string text)
    {
        var bytes = LinuxPath.Encode(text);
        Array.Resize(ref bytes, bytes.Length + 1);
        return new LaunchData(bytes, text) { _isText = true };
    }

    /// <summary>A structure of 8-byte words, each a number or an address.</summary>
    public static LaunchData Words(params ReadOnlySpan<Operand> words)
    {
        var data = new byte[8 * words.Length];
        List<(int, LaunchData, int)>? pointers = null;
        for (var i = 0; i < words.Length; i++)
        {
            if (words[i].Data is { } target)
            {
                (pointers ??= []).Add((8 * i, target, (int)words[i].Value));
            }
            else
            {
                BitConverter.TryWriteBytes(data.AsSpan(8 * i), words[i].Value);
            }
        }

        return new LaunchData(data, text: null) { _pointers = pointers, _words = words.ToArray() };
    }

    /// <summary>Has a word hold an address that was not there to be told before: one in this very structure.</summary>
    public void Point(int offset, LaunchData target, int targetOffset)
    {
        (_pointers ??= []).Add((offset, target, targetOffset));
        _words[offset / 8] = target == this ? targetOffset : Operand.AddressOf(target, targetOffset);
    }

    /// <summary>A list of texts as execve(2) takes it: addresses, and a null at the end.</summary>
    public static LaunchData TextList(IReadOnlyList<string> texts, Func<string, LaunchData> textOf)
    {
        var words = new Operand[texts.Count + 1];
        for (var i = 0; i < texts.Count; i++)
        {
            words[i] = textOf(texts[i]);
        }

        return Words(words);
    }

    // Put together here and not when it is made: a launch makes hundreds, and nobody looks at them.
    public override string ToString() => (text, _isText) switch
    {
        (null, _) => $"{{{string.Join(", ", _words)}}}",
        (_, true) => $"\"{text}\"",
        _ => text,
    };
}

/// <summary>One argument of a call: a number, the address of some data, or (at run time) what is stored there.</summary>
internal readonly record struct Operand
{
    private Operand(LaunchData? data, long value, bool isLoaded)
    {
        Data = data;
        Value = value;
        IsLoaded = isLoaded;
    }

    /// <summary>The data that is pointed to; null for a number.</summary>
    public LaunchData? Data { get; }

    /// <summary>The number, or the offset in <see cref="Data"/>.</summary>
    public long Value { get; }

    /// <summary>Whether the 8 bytes at the address are meant, not the address.</summary>
    public bool IsLoaded { get; }

    public static implicit operator Operand(long number) => new(null, number, isLoaded: false);

    public static implicit operator Operand(int number) => new(null, number, isLoaded: false);

    public static implicit operator Operand(uint number) => new(null, number, isLoaded: false);

    public static implicit operator Operand(ulong number) => new(null, (long)number, isLoaded: false);

    public static implicit operator Operand(LaunchData data) => new(data, 0, isLoaded: false);

    /// <summary>The result of an earlier step.</summary>
    public static implicit operator Operand(LaunchStep step) => new(step.Result, step.ResultOffset, isLoaded: true);

    public static Operand AddressOf(LaunchData data, int offset) => new(data, offset, isLoaded: false);

    public static Operand ValueAt(LaunchData data, int offset) => new(data, offset, isLoaded: true);

    public override string ToString() => Data is null
        ? Value is > -4096 and < 4096 ? Value.ToString(CultureInfo.InvariantCulture) : $"0x{Value:x}"
        : $"{(IsLoaded ? "*" : "")}{Data}{(Value == 0 ? "" : $"+{Value}")}";
}
