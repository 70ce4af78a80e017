using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace ContainerKit.Tests.Shared.Registry;

/// <summary>One connection of a client, spoken to in HTTP/1.1 (RFC 9112), rightly or as a fault has it.</summary>
internal sealed class HttpConnection(Socket socket, Stream stream, CancellationToken stop) : IDisposable
{
    private const int MaxHeadBytes = 64 << 10;

    // More than any client should swallow, and little enough for a test that fails to end.
    private const long EndlessBytes = 256L << 20;

    private readonly byte[] _buffer = new byte[64 << 10];
    private int _start;
    private int _end;

    /// <summary>Reads the head of the next request; null when the client has left.</summary>
    public async Task<HttpRequest?> ReadHeadAsync()
    {
        if (await ReadLineAsync() is not { Length: > 0 } first)
        {
            return null;
        }

        var words = first.Split(' ');
        if (words is not [_, _, "HTTP/1.1"])
        {
            // As Go's servers answer what is no HTTP, such as a TLS client's first words.
            await WriteAsync("HTTP/1.0 400 Bad Request\r\n\r\nThat is not HTTP.\n");
            return null;
        }

        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        while (await ReadLineAsync() is { Length: > 0 } line)
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            headers[line[..colon]] = line[(colon + 1)..].Trim();
        }

        return new HttpRequest(words[0], words[1], headers);
    }

    /// <summary>Reads the body of a request, or only its beginning.</summary>
    public async Task<byte[]> ReadBodyAsync(HttpRequest head, int? atMost = null)
    {
        using var body = new MemoryStream();
        if (head.Headers.GetValueOrDefault("Expect") == "100-continue")
        {
            await WriteAsync("HTTP/1.1 100 Continue\r\n\r\n");
        }

        if (head.Headers.TryGetValue("Content-Length", out var length))
        {
            await CopyAsync(body, Math.Min(long.Parse(length, CultureInfo.InvariantCulture), atMost ?? long.MaxValue));
            return body.ToArray();
        }

        while (head.Headers.ContainsKey("Transfer-Encoding") && body.Length < (atMost ?? long.MaxValue))
        {
            var size = long.Parse((await ReadLineAsync() ?? "0").Split(';')[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            await CopyAsync(body, Math.Min(size, (atMost ?? long.MaxValue) - body.Length));
            if (body.Length < (atMost ?? long.MaxValue))
            {
                await ReadLineAsync();
            }

            if (size == 0)
            {
                break;
            }
        }

        return body.ToArray();
    }

    /// <summary>Sends an answer.</summary>
    /// <returns>Whether the connection can be used again.</returns>
    public async Task<bool> AnswerAsync(HttpRequest request, HttpAnswer answer, Fault? fault)
    {
        if (fault is { ForgetsToAnswer: true })
        {
            Reset();
            return false;
        }

        var isEndless = fault is { IsEndless: true } && request.Method != "HEAD";
        await WriteAsync(Head(answer, isEndless));
        if (request.Method == "HEAD" || answer.Status is 204 or 304)
        {
            return true;
        }

        if (isEndless)
        {
            await FloodAsync(answer.Body);
            return false;
        }

        if (fault is { Trickles: { } pause })
        {
            for (var i = 0; i < answer.Body.Length; i++)
            {
                await stream.WriteAsync(answer.Body.AsMemory(i, 1), stop);
                await stream.FlushAsync(stop);
                await Task.Delay(pause, stop);
            }

            return true;
        }

        var cut = fault?.ClosesAfter ?? fault?.ResetsAfter ?? fault?.StallsAfter;
        await stream.WriteAsync(answer.Body.AsMemory(0, Math.Min(cut ?? int.MaxValue, answer.Body.Length)), stop);
        if (fault is { StallsAfter: not null })
        {
            await stream.FlushAsync(stop);
            await WaitForEndAsync();
        }
        else if (fault is { ResetsAfter: not null })
        {
            Reset();
        }

        return cut is null;
    }

    /// <summary>Ends the connection as a crash does: the other side sees a reset.</summary>
    public void Reset()
    {
        socket.LingerState = new LingerOption(true, 0);
        socket.Close();
    }

    public void Dispose()
    {
        stream.Dispose();
        socket.Dispose();
    }

    private static string Head(HttpAnswer answer, bool isEndless)
    {
        var head = new StringBuilder($"HTTP/1.1 {answer.Status} {(System.Net.HttpStatusCode)answer.Status}\r\n");
        if (isEndless)
        {
            answer = answer.With("Content-Length", null);
            head.Append("Transfer-Encoding: chunked\r\n");
        }
        else if (answer.Status != 204 && !answer.Headers.ContainsKey("Content-Length"))
        {
            head.Append(CultureInfo.InvariantCulture, $"Content-Length: {answer.Body.Length}\r\n");
        }

        foreach (var (name, value) in answer.Headers.Where(header => header.Value is not null))
        {
            head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        }

        return head.Append("\r\n").ToString();
    }

    private async Task FloodAsync(byte[] body)
    {
        var chunk = new byte[64 << 10];
        for (var i = 0; i < chunk.Length && body.Length > 0; i++)
        {
            chunk[i] = body[i % body.Length];
        }

        for (long sent = 0; sent < EndlessBytes; sent += chunk.Length)
        {
            await WriteAsync($"{chunk.Length:x}\r\n");
            await stream.WriteAsync(chunk, stop);
            await WriteAsync("\r\n");
        }
    }

    private async Task WaitForEndAsync()
    {
        while (await stream.ReadAsync(_buffer, stop) > 0)
        {
            // What comes from a client that should be waiting is of no interest.
        }
    }

    private Task WriteAsync(string text) => stream.WriteAsync(Encoding.Latin1.GetBytes(text), stop).AsTask();

    private async Task CopyAsync(MemoryStream target, long count)
    {
        while (count > 0 && await FillAsync())
        {
            var some = (int)Math.Min(count, _end - _start);
            target.Write(_buffer, _start, some);
            _start += some;
            count -= some;
        }

        if (count > 0)
        {
            throw new EndOfStreamException("The client left in the middle of a body.");
        }
    }

    private async Task<string?> ReadLineAsync()
    {
        var line = new StringBuilder();
        while (await FillAsync())
        {
            var character = (char)_buffer[_start++];
            if (character == '\n')
            {
                return line.ToString().TrimEnd('\r');
            }

            if (line.Append(character).Length > MaxHeadBytes)
            {
                throw new InvalidDataException("The client sent a line without an end.");
            }
        }

        return null;
    }

    private async ValueTask<bool> FillAsync()
    {
        if (_start == _end)
        {
            _start = 0;
            _end = await stream.ReadAsync(_buffer, stop);
        }

        return _end > 0;
    }
}
