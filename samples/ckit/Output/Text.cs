using System.Buffers;
using System.Text;
using System.Text.Json.Nodes;

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

    /// <summary>The text of bytes, with those that are no UTF-8 as the library gives them.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length);
        while (!bytes.IsEmpty)
        {
            var status = Rune.DecodeFromUtf8(bytes, out var rune, out var consumed);
            if (status == OperationStatus.Done)
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

    /// <summary>A name as it may be shown on a terminal, where a control character in it would be a command.</summary>
    public static string Harmless(string name, bool isTerminal) => isTerminal && name.Any(char.IsControl)
        ? string.Concat(name.Select(each => char.IsControl(each) ? '?' : each))
        : name;

    /// <summary>
    /// A file's name in one line of text. One with control characters, which are lines or commands to whoever reads them, or with bytes that are no UTF-8, is
    /// written as shells read it: <c>$'a\nb'</c>, with octal numbers for what has no letter. GNU ls does so.
    /// </summary>
    public static string Quote(string name)
    {
        if (!name.Any(char.IsControl) && !name.EnumerateRunes().Contains(Rune.ReplacementChar) && !name.StartsWith("$'", StringComparison.Ordinal))
        {
            return name;
        }

        var quoted = new StringBuilder("$'");
        for (var i = 0; i < name.Length; i++)
        {
            var each = name[i];
            if (char.IsSurrogate(each) && Rune.TryGetRuneAt(name, i, out var rune))
            {
                quoted.Append(rune.ToString());
                i++;
                continue;
            }

            quoted.Append(each switch
            {
                '\n' => "\\n",
                '\t' => "\\t",
                '\r' => "\\r",
                '\'' => "\\'",
                '\\' => @"\\",
                _ when char.IsControl(each) || char.IsSurrogate(each) => string.Concat(Encode(each.ToString()).Select(octet => $"\\{Convert.ToString(octet, 8).PadLeft(3, '0')}")),
                _ => each.ToString(),
            });
        }

        return quoted.Append('\'').ToString();
    }

    /// <summary>Puts a file's name into JSON; one that is no text is there in base64, too, as <c>NAMEBytes</c>, because JSON can only hold text.</summary>
    public static void AddTo(JsonObject json, int position, string key, string name)
    {
        json.Insert(position, key, ForJson(name));
        if (name.Any(char.IsSurrogate) && !Encode(name).AsSpan().SequenceEqual(Encoding.UTF8.GetBytes(ForJson(name))))
        {
            json.Insert(position + 1, key + "Bytes", Convert.ToBase64String(Encode(name)));
        }
    }

    /// <summary>A name in JSON, which can hold text only: bytes that are none become U+FFFD.</summary>
    public static string ForJson(string name) => name.Any(char.IsSurrogate) ? Encoding.UTF8.GetString(Encode(name)) : name;
}
