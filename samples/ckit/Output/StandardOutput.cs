using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ckit.Output;

/// <summary>Where results go. What is written leaves when it is disposed of, or when much has come together.</summary>
internal sealed class StandardOutput : IDisposable
{
    private const int Much = 1 << 16;

    private readonly MemoryStream _pending = new();
    private readonly bool _isTerminal = Descriptors.IsTerminal(Descriptors.Output);

    public static void PrintLine(string line)
    {
        using var output = new StandardOutput();
        output.WriteLine(line);
    }

    public static void PrintJson(JsonNode json)
    {
        using var output = new StandardOutput();

        // Nothing of this ends up in a web page, where < and & would matter.
        var options = new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var writer = new Utf8JsonWriter(output._pending, options))
        {
            json.WriteTo(writer);
        }

        output._pending.WriteByte((byte)'\n');
    }

    public void WriteLine(string line)
    {
        _pending.Write(Text.Encode(Text.Harmless(line, _isTerminal)));
        _pending.WriteByte((byte)'\n');
        if (_pending.Length > Much)
        {
            Flush();
        }
    }

    /// <summary>Writes a file's name: quoted on a line of its own, or as it is with a NUL behind it.</summary>
    public void WriteName(string name, bool isRaw)
    {
        if (!isRaw)
        {
            WriteLine(Text.Quote(name));
            return;
        }

        _pending.Write(Text.Encode(name));
        _pending.WriteByte(0);
        if (_pending.Length > Much)
        {
            Flush();
        }
    }

    public void Dispose() => Flush();

    private void Flush()
    {
        Descriptors.Write(Descriptors.Output, _pending.GetBuffer().AsSpan(0, (int)_pending.Length));
        _pending.SetLength(0);
    }
}

/// <summary>Where everything goes that is not a result.</summary>
internal static class StandardError
{
    public static void WriteLine(string line) => Descriptors.Write(Descriptors.Error, Text.Encode(line + "\n"));
}
