namespace ContainerKit;

/// <summary>How a container is started.</summary>
public sealed record StartOptions
{
    private const long LeastLog = 64 << 10;

    private readonly long _maxLogBytes = 16 << 20;

    /// <summary>
    /// Whether it outlives this process: a small process of its own supervises it, keeps its output in a log and its exit status on disk, and any
    /// process can find it by its name, <see cref="Container.AttachAsync(CancellationToken)">attach</see> to it, stop and remove it. Its standard input is empty.
    /// </summary>
    public bool Detached { get; init; }

    /// <summary>
    /// How many bytes the log of a detached container may take, 16 MiB unless set. When it is full it is put aside and a new one begun; two are
    /// kept, so that twice as much lies on disk at most.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is less than 64 KiB.</exception>
    public long MaxLogBytes
    {
        get => _maxLogBytes;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, LeastLog);
            _maxLogBytes = value;
        }
    }
}
