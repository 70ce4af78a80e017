using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace ContainerKit;

/// <summary>
/// The name of content by what it is: <c>sha256:</c> and 64 lower-case hexadecimal digits, or <c>sha512:</c> and 128. Two equal digests name the
/// same bytes; the same bytes have one digest of each algorithm.
/// </summary>
/// <remarks>
/// OCI image specification, descriptor.md, "Digests" and "Registered Algorithms". What this library makes is named by sha256, which every registry and tool
/// speaks; what comes in keeps the names that it has.
/// </remarks>
public readonly struct Digest : IEquatable<Digest>, IComparable<Digest>, ISpanParsable<Digest>
{
    private const string Prefix256 = "sha256:", Prefix512 = "sha512:";
    private const int HexLength256 = 2 * SHA256.HashSizeInBytes, HexLength512 = 2 * SHA512.HashSizeInBytes;

    /// <summary>The longest text that is a digest, in characters.</summary>
    internal const int MaxLength = 7 + HexLength512;

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    // Its length tells the algorithm.
    private readonly string? _hex;

    private Digest(string hex) => _hex = hex;

    /// <summary>The algorithm as digests spell it: <c>sha256</c> or <c>sha512</c>.</summary>
    /// <exception cref="InvalidOperationException">This is <c>default(Digest)</c>, which names nothing.</exception>
    public string Algorithm => IsSha512 ? "sha512" : "sha256";

    /// <summary>The 64 hexadecimal digits of sha256, or the 128 of sha512.</summary>
    /// <exception cref="InvalidOperationException">This is <c>default(Digest)</c>, which names nothing.</exception>
    public string Hex => _hex ?? throw new InvalidOperationException("An unset digest names nothing.");

    internal bool IsSha512 => Hex.Length == HexLength512;

    /// <summary>The sha256 digest of the given bytes.</summary>
    public static Digest Of(ReadOnlySpan<byte> content)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(content, hash);
        return FromHash(hash);
    }

    /// <summary>The digest of the given bytes by the algorithm of another digest.</summary>
    internal static Digest Of(ReadOnlySpan<byte> content, Digest like) => like.IsSha512 ? FromHash(SHA512.HashData(content)) : Of(content);

    /// <summary>The digest whose bytes have been computed already: 32 of sha256, or 64 of sha512.</summary>
    /// <exception cref="ArgumentException">There are neither 32 bytes nor 64.</exception>
    public static Digest FromHash(ReadOnlySpan<byte> hash) => hash.Length is SHA256.HashSizeInBytes or SHA512.HashSizeInBytes
        ? new Digest(Convert.ToHexStringLower(hash))
        : throw new ArgumentException("A SHA-256 hash has 32 bytes, and a SHA-512 hash 64.", nameof(hash));

    /// <summary>Reads the digits alone, as they are in names of files: their number tells the algorithm.</summary>
    internal static bool TryParseHex(ReadOnlySpan<char> digits, out Digest digest)
    {
        var valid = digits.Length is HexLength256 or HexLength512 && !digits.ContainsAnyExcept(HexDigits);
        digest = valid ? new Digest(digits.ToString()) : default;
        return valid;
    }

    /// <inheritdoc cref="Parse(string, IFormatProvider?)"/>
    public static Digest Parse(string text) => Parse(text, null);

    /// <summary>Reads a digest in its only spelling.</summary>
    /// <exception cref="FormatException">It is neither <c>sha256:</c> and 64 lower-case hexadecimal digits nor <c>sha512:</c> and 128.</exception>
    public static Digest Parse(string s, IFormatProvider? provider) => Parse(s.AsSpan(), provider);

    /// <inheritdoc cref="Parse(string, IFormatProvider?)"/>
    public static Digest Parse(ReadOnlySpan<char> s, IFormatProvider? provider) => TryParse(s, provider, out var digest)
        ? digest
        : throw new FormatException($"'{s}' is not a digest: sha256: and 64 lower-case hexadecimal digits are, and sha512: and 128.");

    /// <inheritdoc cref="TryParse(ReadOnlySpan{char}, IFormatProvider?, out Digest)"/>
    public static bool TryParse([NotNullWhen(true)] string? text, out Digest digest) => TryParse(text.AsSpan(), null, out digest);

    /// <inheritdoc cref="TryParse(ReadOnlySpan{char}, IFormatProvider?, out Digest)"/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out Digest result) => TryParse(s.AsSpan(), provider, out result);

    /// <summary>Reads a digest in its only spelling; false for anything else.</summary>
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out Digest result)
    {
        // Only the canonical spelling parses: a digest becomes a file name, and "SHA256:../../x" must never get through.
        var length = s.StartsWith(Prefix256, StringComparison.Ordinal) ? HexLength256 : s.StartsWith(Prefix512, StringComparison.Ordinal) ? HexLength512 : -1;
        result = default;
        return length > 0 && s.Length == Prefix256.Length + length && TryParseHex(s[Prefix256.Length..], out result);
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
    public override string ToString() => _hex is null ? "" : (IsSha512 ? Prefix512 : Prefix256) + _hex;

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
