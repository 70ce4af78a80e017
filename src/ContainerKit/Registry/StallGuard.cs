namespace ContainerKit.Registry;

/// <summary>Ends a transfer that has shown no sign of life for too long.</summary>
internal sealed class StallGuard : IDisposable
{
    // Slower than this, nobody can wait for what is sent: whoever sends a byte now and then would hold a connection for ever.
    private const int LeastBytesPerSecond = 1 << 10;

    private readonly CancellationToken _caller;
    private readonly CancellationTokenSource _source;
    private readonly TimeSpan _timeout;
    private long _moved;

    public StallGuard(TimeSpan timeout, CancellationToken cancellationToken)
    {
        _caller = cancellationToken;
        _timeout = timeout;
        _source = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        SignOfLife();
    }

    /// <summary>Cancelled when nothing has moved for too long, or when the caller gives up.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>Something moved: the time begins anew.</summary>
    public void SignOfLife() => _source.CancelAfter(_timeout);

    /// <summary>So many bytes moved: the time begins anew when, since it last did, as many came as the slowest bearable connection brings in all of it.</summary>
    public void Moved(int bytes)
    {
        _moved += bytes;
        if (_moved >= LeastBytesPerSecond * _timeout.TotalSeconds)
        {
            _moved = 0;
            SignOfLife();
        }
    }

    /// <summary>Waits for something under this guard.</summary>
    /// <exception cref="TimeoutException">Nothing moved for too long.</exception>
    public async Task<T> WaitAsync<T>(Func<CancellationToken, Task<T>> work)
    {
        try
        {
            return await work(Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!_caller.IsCancellationRequested)
        {
            throw new TimeoutException($"{(_moved == 0 ? "nothing" : $"no more than {_moved} bytes")} moved for {_timeout.TotalSeconds:0.#} seconds", e);
        }
    }

    public void Dispose() => _source.Dispose();
}
