namespace ContainerKit;

/// <summary>A container did not become ready: its program ended before, or time was up. What it said last is part of the message.</summary>
public sealed class ContainerNotReadyException : ContainerKitException
{
    private const int MostQuoted = 10;

    internal ContainerNotReadyException(string message, ExitStatus? exitStatus, bool outOfMemory, IReadOnlyList<OutputLine> lastLines, IReadOnlyList<FileChange>? changes)
        : base(lastLines.Count == 0 ? message : $"{message} The last that it wrote:{string.Concat(lastLines.TakeLast(MostQuoted).Select(line => $"{Environment.NewLine}    {line.Content}"))}")
    {
        ExitStatus = exitStatus;
        OutOfMemory = outOfMemory;
        LastLines = lastLines;
        Changes = changes;
    }

    /// <summary>How the program ended; null when it still ran when time was up.</summary>
    public ExitStatus? ExitStatus { get; }

    /// <summary>Whether the kernel killed a process of the container because the memory limit was reached.</summary>
    public bool OutOfMemory { get; }

    /// <summary>The last lines that it wrote to both streams, 50 at most, the oldest first. A line of more than 2,000 bytes is cut.</summary>
    public IReadOnlyList<OutputLine> LastLines { get; }

    /// <summary>
    /// What it had changed in its files by then, as <see cref="Container.DiffAsync"/> tells it: the first 200 changes. Null when that could not be found out within 5 seconds.
    /// </summary>
    public IReadOnlyList<FileChange>? Changes { get; }
}
