namespace ContainerKit;

/// <summary>How a further program in a running container differs from the container's own.</summary>
public sealed record ExecOptions
{
    /// <summary>Environment variables over the container's own.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>().AsReadOnly();

    /// <summary>The directory that it starts in; the container's own when null.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>Who it runs as, as in <see cref="ContainerBuilder.WithUser"/>; the container's own user when null.</summary>
    public string? User { get; init; }

    /// <summary>The size of its terminal, as with <see cref="ContainerBuilder.WithTerminal(int, int)"/>; null for none, whatever the container's own program has.</summary>
    public TerminalSize? Terminal { get; init; }

    /// <summary>What it reads from standard input, as UTF-8; nothing when null.</summary>
    public string? StandardInput { get; init; }
}
