namespace ContainerKit;

/// <summary>How one attaches to a container that was started elsewhere.</summary>
public sealed record AttachOptions
{
    private readonly int? _tail;

    /// <summary>
    /// How many of the last lines that a detached container has written come first, of both streams together: 0 for what it writes from now on; all that its log keeps
    /// when null. It is decided once, so that <see cref="RunningContainer.StandardOutput"/>, <see cref="RunningContainer.StandardError"/> and
    /// <see cref="RunningContainer.ReadLinesAsync"/> begin at the same place.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative.</exception>
    public int? Tail
    {
        get => _tail;
        init
        {
            if (value is { } lines)
            {
                ArgumentOutOfRangeException.ThrowIfNegative(lines, nameof(value));
            }

            _tail = value;
        }
    }
}
