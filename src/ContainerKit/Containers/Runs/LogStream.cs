using System.Runtime.Versioning;
using ContainerKit.Content;

namespace ContainerKit.Containers.Runs;

/// <summary>One of the two output streams of a detached container, out of its log; it ends with the container.</summary>
[SupportedOSPlatform("linux")]
internal sealed class LogStream(ContainerLog log, bool isError) : ReadOnlyStream
{
    private readonly CancellationTokenSource _closed = new();
    private IAsyncEnumerator<LogRecord>? _records;
    private Task<bool>? _next;
    private ReadOnlyMemory<byte> _rest;

    public override int Read(Span<byte> buffer)
    {
        var bytes = new byte[buffer.Length];
        var count = ReadAsync(bytes, CancellationToken.None).AsTask().GetAwaiter().GetResult();
        bytes.AsSpan(0, count).CopyTo(buffer);
        return count;
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_closed.IsCancellationRequested, this);
        _records ??= log.ReadAsync(follow: true, _closed.Token).GetAsyncEnumerator(CancellationToken.None);
        while (_rest.IsEmpty)
        {
            // A read that is given up leaves what it waited for to the next.
            _next ??= _records.MoveNextAsync().AsTask();
            if (!await _next.WaitAsync(cancellationToken).ConfigureAwait(false))
            {
                return 0;
            }

            _next = null;
            _rest = _records.Current.IsError == isError ? _records.Current.Content : default;
        }

        var count = Math.Min(buffer.Length, _rest.Length);
        _rest[..count].CopyTo(buffer);
        _rest = _rest[count..];
        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _closed.Cancel();
        }

        base.Dispose(disposing);
    }
}
