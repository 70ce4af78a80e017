using System.Text;

namespace Ckit.Output;

/// <summary>Text on its way out: file names byte for byte, and harmless on a terminal.</summary>
internal static class Text
{
    // The library gives a byte that is not UTF-8 as a lone surrogate: U+DC80 for 0x80, up to U+DCFF for 0xFF.
    private const int EscapeBase = 0xDC00;

    /// <summary>The bytes of a text, with those that were no UTF-8 as they were.</summary>
    public static byte[] Encode(string text)
    {
        var bytes = new byte[Encoding.UTF8.GetMaxByteCount(text.Length)];
        var length = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (Rune.TryGetRuneAt(text, i, out var rune))
            {
                length += rune.EncodeToUtf8(bytes.AsSpan(length));
                i += rune.Utf16SequenceLength - 1;
            }
            else
            {
                bytes[length++] = (byte)(text[i] - EscapeBase);
            }
        }

        return bytes[..length];
    }

    /// <summary>A name as it may be shown on a terminal, where a control character in it would be a command.</summary>
    public static string Harmless(string name, bool isTerminal) => isTerminal && name.Any(char.IsControl)
        ? string.Concat(name.Select(each => char.IsControl(each) ? '?' : each))
        : name;

    /// <summary>A name in JSON, which can hold text only: bytes that are none become U+FFFD.</summary>
    public static string ForJson(string name) => name.Any(char.IsSurrogate) ? Encoding.UTF8.GetString(Encode(name)) : name;
}
