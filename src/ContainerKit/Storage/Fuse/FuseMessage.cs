using System.Runtime.CompilerServices;

namespace ContainerKit.Storage.Fuse;

/// <summary>The body of one request, taken piece by piece and never beyond its end.</summary>
internal unsafe ref struct FuseMessage
{
    private byte* _next;
    private readonly byte* _end;

    public FuseMessage(byte* start, byte* end)
    {
        _next = start;
        _end = end;
    }

    /// <summary>The next fixed part, where it lies.</summary>
    public ref readonly T Take<T>()
        where T : unmanaged
    {
        var taken = _next;
        if (_end - taken < sizeof(T))
        {
            throw TooShort();
        }

        _next = taken + sizeof(T);
        return ref Unsafe.AsRef<T>(taken);
    }

    /// <summary>A name, without its terminating NUL.</summary>
    public ReadOnlySpan<byte> TakeName()
    {
        var rest = new ReadOnlySpan<byte>(_next, (int)(_end - _next));
        var length = rest.IndexOf((byte)0);
        if (length < 0)
        {
            throw TooShort();
        }

        _next += length + 1;
        return rest[..length];
    }

    public ReadOnlySpan<byte> TakeBytes(uint count)
    {
        if (_end - _next < count)
        {
            throw TooShort();
        }

        var taken = new ReadOnlySpan<byte>(_next, (int)count);
        _next += count;
        return taken;
    }

    private static InvalidDataException TooShort() => new("A FUSE request ends before it should.");
}
