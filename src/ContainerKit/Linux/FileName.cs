namespace ContainerKit.Linux;

/// <summary>A name or path on its way into a system call: text, or bytes as the kernel gave them (without a terminator).</summary>
internal readonly ref struct FileName
{
    private readonly ReadOnlySpan<char> _text;
    private readonly ReadOnlySpan<byte> _bytes;

    private FileName(ReadOnlySpan<char> text, ReadOnlySpan<byte> bytes)
    {
        _text = text;
        _bytes = bytes;
    }

    public static implicit operator FileName(string text) => new(text, default);

    public static implicit operator FileName(ReadOnlySpan<char> text) => new(text, default);

    public static implicit operator FileName(ReadOnlySpan<byte> bytes) => new(default, bytes);

    /// <summary>Bytes that are enough for <see cref="WriteTo"/>, terminator included.</summary>
    public int MaxBytes => (_bytes.IsEmpty ? LinuxPath.MaxBytes(_text) : _bytes.Length) + 1;

    public bool IsEmpty => _text.IsEmpty && _bytes.IsEmpty;

    /// <summary>The name with its terminating NUL, in <paramref name="scratch"/> where that has room and on the heap where it has not.</summary>
    public Span<byte> Terminate(Span<byte> scratch)
    {
        var buffer = MaxBytes <= scratch.Length ? scratch : new byte[MaxBytes];
        return buffer[..(WriteTo(buffer) + 1)];
    }

    /// <summary>Writes the name with its terminating NUL.</summary>
    /// <returns>The length without the terminator.</returns>
    public int WriteTo(Span<byte> buffer)
    {
        int length;
        if (_bytes.IsEmpty)
        {
            length = LinuxPath.Encode(_text, buffer);
        }
        else
        {
            _bytes.CopyTo(buffer);
            length = _bytes.Length;
        }

        buffer[length] = 0;
        return length;
    }

    public override string ToString() => _bytes.IsEmpty ? _text.ToString() : LinuxPath.Decode(_bytes);
}
