using System.Text;
using System.Text.RegularExpressions;

namespace ContainerKit.Containers.Runs;

/// <summary>Looks on at a program's output until it has seen what it waits for, often enough.</summary>
/// <param name="stream">The stream that counts; null for both.</param>
/// <param name="times">How often.</param>
internal abstract class OutputWatcher(OutputSource? stream, int times)
{
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _seen;

    /// <summary>Completes when it has been seen; fails where the looking itself does.</summary>
    public Task Done => _done.Task;

    /// <summary>How often it has been seen so far.</summary>
    public int Seen => Volatile.Read(ref _seen);

    /// <summary>Called for all that comes, never by two at once.</summary>
    public void See(bool isError, ReadOnlySpan<byte> bytes)
    {
        if (_done.Task.IsCompleted || (stream is { } only && isError != (only == OutputSource.StandardError)))
        {
            return;
        }

        try
        {
            _seen += Count(isError, bytes);
            if (_seen >= times)
            {
                _done.TrySetResult();
            }
        }
        catch (RegexMatchTimeoutException e)
        {
            _done.TrySetException(e);
        }
    }

    protected abstract int Count(bool isError, ReadOnlySpan<byte> bytes);
}

/// <summary>Looks for a text, wherever in a line it stands and whether or not the line has come to its end.</summary>
internal sealed class TextWatcher(string text, OutputSource? stream, int times) : OutputWatcher(stream, times)
{
    private readonly byte[] _text = Encoding.UTF8.GetBytes(text);
    private readonly byte[][] _before = [[], []];

    protected override int Count(bool isError, ReadOnlySpan<byte> bytes)
    {
        // A text may come in two pieces: the end of what came before is looked at once more.
        byte[] all = [.. _before[isError ? 1 : 0], .. bytes];
        var rest = all.AsSpan();
        var found = 0;
        while (rest.IndexOf(_text) is var at and >= 0)
        {
            found++;
            rest = rest[(at + _text.Length)..];
        }

        _before[isError ? 1 : 0] = rest[^Math.Min(rest.Length, _text.Length - 1)..].ToArray();
        return found;
    }
}

/// <summary>Looks for lines that a regular expression matches; a line that does not end is cut.</summary>
internal sealed class PatternWatcher(Regex pattern, OutputSource? stream, int times) : OutputWatcher(stream, times)
{
    private const int LongestLine = 16 << 10;

    private readonly List<byte>[] _begun = [[], []];

    protected override int Count(bool isError, ReadOnlySpan<byte> bytes)
    {
        var begun = _begun[isError ? 1 : 0];
        var found = 0;
        while (!bytes.IsEmpty)
        {
            var end = bytes.IndexOf((byte)'\n');
            var length = Math.Min(end < 0 ? bytes.Length : end, LongestLine - begun.Count);
            begun.AddRange(bytes[..length]);
            bytes = bytes[length..];
            if (bytes is [(byte)'\n', ..])
            {
                bytes = bytes[1..];
            }
            else if (begun.Count < LongestLine)
            {
                break;
            }

            found += pattern.IsMatch(Encoding.UTF8.GetString([.. begun]).TrimEnd('\r')) ? 1 : 0;
            begun.Clear();
        }

        return found;
    }
}
