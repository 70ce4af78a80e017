namespace ContainerKit;

/// <summary>One step of an image's making. OCI image specification, config.md, "history".</summary>
public sealed record ImageHistory
{
    /// <summary>When; null when it does not say.</summary>
    public DateTimeOffset? Created { get; init; }

    /// <summary>By which command.</summary>
    public string? CreatedBy { get; init; }

    /// <summary>By whom.</summary>
    public string? Author { get; init; }

    /// <summary>What was said about it.</summary>
    public string? Comment { get; init; }

    /// <summary>Whether the step made no layer.</summary>
    public bool IsEmptyLayer { get; init; }
}
