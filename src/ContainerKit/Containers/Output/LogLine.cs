namespace ContainerKit;

/// <summary>One line of a detached container's log.</summary>
/// <param name="Time">When its last part was written.</param>
/// <param name="IsError">Whether it came by standard error.</param>
/// <param name="Content">The line without its end, read as UTF-8.</param>
public readonly record struct LogLine(DateTimeOffset Time, bool IsError, string Content)
{
    /// <inheritdoc/>
    public override string ToString() => Content;
}

/// <summary>Which part of a log is read.</summary>
public sealed record LogOptions
{
    /// <summary>Whether to wait for more until the program ends.</summary>
    public bool Follow { get; init; }

    /// <summary>How many of the last lines are read; all that are kept when null.</summary>
    public int? Tail { get; init; }

    /// <summary>Leaves out what was written before.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>Leaves out what was written after.</summary>
    public DateTimeOffset? Until { get; init; }
}
