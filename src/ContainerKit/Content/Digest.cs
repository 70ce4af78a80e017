using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace ContainerKit;

/// <summary>
/// The name of content by what it is: <c>sha256:</c> and 64 lower-case hexadecimal digits. Two equal digests name the same bytes.
/// </summary>
/// <remarks>OCI image specification, descriptor.md, "Digests". Only sha256, which every registry and tool speaks, is accepted.</remarks>
public readonly struct Digest : IEquatable<Digest>, IComparable<Digest>, ISpanParsable<Digest>
{
    private const string Prefix = "sha256:";
    private const int HexLength = 64;

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    private readonly string? _hex;

    private Digest(string hex) => _hex = hex;

    /// <summary>The 64 hexadecimal digits.</summary>
    /// <exception cref="InvalidOperationException">This is <c>default(Digest)</c>, which names nothing.</exception>
    public string Hex => _hex ?? throw new InvalidOperationException("An unset digest names nothing.");

    /// <summary>The digest of the given bytes.</summary>
    public static Digest Of(ReadOnlySpan<byte> content)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(content, hash);
        return FromHash(hash);
    }

    /// <summary>The digest whose 32 bytes have been computed already.</summary>
    /// <exception cref="ArgumentException">There are not exactly 32 bytes.</exception>
    public static Digest FromHash(ReadOnlySpan<byte> sha256) => sha256.Length == SHA256.HashSizeInBytes
        ? new Digest(Convert.ToHexStringLower(sha256))
        : throw new ArgumentException("A SHA-256 hash has 32 bytes.", nameof(sha256));

    /// <inheritdoc cref="Parse(string, IFormatProvider?)"/>
    public static Digest Parse(string text) => Parse(text, null);

    /// <summary>Reads a digest in its only spelling.</summary>
    /// <exception cref="FormatException">It is not <c>sha256:</c> and 64 lower-case hexadecimal digits.</exception>
    public static Digest Parse(string s, IFormatProvider? provider) => Parse(s.AsSpan(), provider);

    /// <inheritdoc cref="Parse(string, IFormatProvider?)"/>
    public static Digest Parse(ReadOnlySpan<char> s, IFormatProvider? provider) => TryParse(s, provider, out var digest)
        ? digest
        : throw new FormatException($"'{s}' is not a digest: sha256: and 64 lower-case hexadecimal digits are.");

    /// <inheritdoc cref="TryParse(ReadOnlySpan{char}, IFormatProvider?, out Digest)"/>
    public static bool TryParse([NotNullWhen(true)] string? text, out Digest digest) => TryParse(text.AsSpan(), null, out digest);

    /// <inheritdoc cref="TryParse(ReadOnlySpan{char}, IFormatProvider?, out Digest)"/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out Digest result) => TryParse(s.AsSpan(), provider, out result);

    /// <summary>Reads a digest in its only spelling; false for anything else.</summary>
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out Digest result)
    {
        // Only the canonical spelling parses: a digest becomes a file name, and "SHA256:../../x" must never get through.
        var valid = s.Length == Prefix.Length + HexLength
            && s.StartsWith(Prefix, StringComparison.Ordinal)
            && !s[Prefix.Length..].ContainsAnyExcept(HexDigits);
        result = valid ? new Digest(s[Prefix.Length..].ToString()) : default;
        return valid;
    }

    /// <inheritdoc/>
    public bool Equals(Digest other) => string.Equals(_hex, other._hex, StringComparison.Ordinal);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Digest other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _hex is null ? 0 : string.GetHashCode(_hex, StringComparison.Ordinal);

    /// <inheritdoc/>
    public int CompareTo(Digest other) => string.CompareOrdinal(_hex, other._hex);

    /// <summary>The canonical spelling; empty for <c>default(Digest)</c>.</summary>
    public override string ToString() => _hex is null ? "" : Prefix + _hex;

    /// <summary>Whether both name the same content.</summary>
    public static bool operator ==(Digest left, Digest right) => left.Equals(right);

    /// <summary>Whether they name different content.</summary>
    public static bool operator !=(Digest left, Digest right) => !left.Equals(right);

    /// <summary>Whether <paramref name="left"/> sorts before <paramref name="right"/>.</summary>
    public static bool operator <(Digest left, Digest right) => left.CompareTo(right) < 0;

    /// <summary>Whether <paramref name="left"/> sorts after <paramref name="right"/>.</summary>
    public static bool operator >(Digest left, Digest right) => left.CompareTo(right) > 0;

    /// <summary>Whether <paramref name="left"/> does not sort after <paramref name="right"/>.</summary>
    public static bool operator <=(Digest left, Digest right) => left.CompareTo(right) <= 0;

    /// <summary>Whether <paramref name="left"/> does not sort before <paramref name="right"/>.</summary>
    public static bool operator >=(Digest left, Digest right) => left.CompareTo(right) >= 0;
}
