using System.Text;

namespace ContainerKit.Containers.Runs;

/// <summary>Cuts output into lines and keeps the last of them, each within a bound.</summary>
internal sealed class LastLines(int count)
{
    private const int LongestLine = 2000;

    private readonly Queue<OutputLine> _lines = [];
    private readonly List<byte>[] _begun = [[], []];

    public void Add(bool isError, ReadOnlySpan<byte> bytes)
    {
        var begun = _begun[isError ? 1 : 0];
        while (bytes.IndexOf((byte)'\n') is var length and >= 0)
        {
            Append(begun, bytes[..length]);
            Take(begun, isError);
            bytes = bytes[(length + 1)..];
        }

        Append(begun, bytes);
    }

    public IReadOnlyList<OutputLine> Finish()
    {
        foreach (var isError in new[] { false, true })
        {
            if (_begun[isError ? 1 : 0] is { Count: > 0 } begun)
            {
                Take(begun, isError);
            }
        }

        return [.. _lines];
    }

    // Of a line that is longer, its beginning says more than its end.
    private static void Append(List<byte> begun, ReadOnlySpan<byte> bytes) => begun.AddRange(bytes[..Math.Min(bytes.Length, LongestLine - begun.Count)]);

    private void Take(List<byte> begun, bool isError)
    {
        var text = Encoding.UTF8.GetString([.. begun]).TrimEnd('\r');
        _lines.Enqueue(new OutputLine(isError, begun.Count == LongestLine ? text + "…" : text));
        begun.Clear();
        if (_lines.Count > count)
        {
            _lines.Dequeue();
        }
    }
}
