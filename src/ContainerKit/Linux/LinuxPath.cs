using System.Buffers;
using System.Text;

namespace ContainerKit.Linux;

/// <summary>
/// Turns file names into strings and back without losing a byte. Linux names are bytes; those that are not UTF-8 become lone
/// surrogates U+DC80 to U+DCFF, one per byte, as Python's <c>surrogateescape</c> does.
/// </summary>
internal static class LinuxPath
{
    private const char EscapeBase = '\uDC00';

    /// <summary>The most bytes that <paramref name="text"/> can take, without a terminator.</summary>
    public static int MaxBytes(ReadOnlySpan<char> text) => text.Length * 3;

    /// <summary>Writes the bytes of a name or path, without a terminator.</summary>
    /// <returns>The number of bytes written.</returns>
    /// <exception cref="ArgumentException">The text holds a NUL, or a surrogate that stands for nothing.</exception>
    public static int Encode(ReadOnlySpan<char> text, Span<byte> bytes)
    {
        if (text.Contains('\0'))
        {
            throw new ArgumentException("A file name cannot hold a NUL character.", nameof(text));
        }

        var written = 0;
        while (!text.IsEmpty)
        {
            var plain = text.IndexOfAnyInRange('\uDC80', '\uDCFF');
            var status = OperationStatus.Done;
            var run = plain < 0 ? text : text[..plain];
            if (!run.IsEmpty)
            {
                status = System.Text.Unicode.Utf8.FromUtf16(run, bytes[written..], out var read, out var count, replaceInvalidSequences: false, isFinalBlock: false);
                written += count;
                text = text[read..];
            }

            switch (status)
            {
                // A high surrogate before U+DC80..U+DCFF is an ordinary pair, not an escaped byte.
                case OperationStatus.NeedMoreData when text.Length >= 2 && char.IsSurrogatePair(text[0], text[1]):
                    written += new Rune(text[0], text[1]).EncodeToUtf8(bytes[written..]);
                    text = text[2..];
                    break;
                case OperationStatus.Done when !text.IsEmpty:
                    bytes[written++] = (byte)(text[0] - EscapeBase);
                    text = text[1..];
                    break;
                case OperationStatus.Done:
                    break;
                default:
                    throw new ArgumentException("A file name holds half of a surrogate pair.", nameof(text));
            }
        }

        return written;
    }

    /// <summary>The bytes of a name or path, without a terminator.</summary>
    public static byte[] Encode(string text)
    {
        Span<byte> buffer = MaxBytes(text) <= 1024 ? stackalloc byte[1024] : new byte[MaxBytes(text)];
        return buffer[..Encode(text, buffer)].ToArray();
    }

    /// <summary>The text of a name or path; never fails and never loses a byte.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        if (System.Text.Unicode.Utf8.IsValid(bytes))
        {
            return Encoding.UTF8.GetString(bytes);
        }

        var text = new StringBuilder(bytes.Length);
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out var rune, out var consumed) == OperationStatus.Done)
            {
                text.Append(rune.ToString());
            }
            else
            {
                foreach (var each in bytes[..consumed])
                {
                    text.Append((char)(EscapeBase + each));
                }
            }

            bytes = bytes[consumed..];
        }

        return text.ToString();
    }
}
