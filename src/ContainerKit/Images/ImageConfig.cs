namespace ContainerKit;

/// <summary>One step of an image's making. OCI image specification, config.md, "history".</summary>
public sealed record ImageHistory
{
    /// <summary>When.</summary>
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

/// <summary>How an image wants to be run, and what it is made of. OCI image specification, config.md.</summary>
/// <remarks>Fields that this type does not know are kept when a changed config is written.</remarks>
public sealed record ImageConfig
{
    /// <summary>What the image runs on.</summary>
    public Platform Platform { get; init; } = Platform.Host;

    /// <summary>When the image was made.</summary>
    public DateTimeOffset? Created { get; init; }

    /// <summary>Who made it.</summary>
    public string? Author { get; init; }

    /// <summary>The environment, each as <c>NAME=value</c>.</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>The arguments that are always given (ENTRYPOINT).</summary>
    public IReadOnlyList<string> Entrypoint { get; init; } = [];

    /// <summary>The arguments that a user may replace (CMD).</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>The directory to start in; empty means <c>/</c>.</summary>
    public string WorkingDirectory { get; init; } = "";

    /// <summary>The user (and group) to run as, such as <c>www-data</c>, <c>1000</c> or <c>1000:1000</c>; empty means root.</summary>
    public string User { get; init; } = "";

    /// <summary>The ports that the program listens on, such as <c>80/tcp</c>.</summary>
    public IReadOnlyList<string> ExposedPorts { get; init; } = [];

    /// <summary>The directories that the program keeps data in.</summary>
    public IReadOnlyList<string> Volumes { get; init; } = [];

    /// <summary>The labels by key.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>().AsReadOnly();

    /// <summary>The signal that asks the program to end, such as <c>SIGTERM</c> or <c>15</c>; null for SIGTERM.</summary>
    public string? StopSignal { get; init; }

    /// <summary>The digests of the uncompressed layers, the lowest first.</summary>
    public IReadOnlyList<Digest> DiffIds { get; init; } = [];

    /// <summary>How the image came to be, the oldest step first.</summary>
    public IReadOnlyList<ImageHistory> History { get; init; } = [];
}
