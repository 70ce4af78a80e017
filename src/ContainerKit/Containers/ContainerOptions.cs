using System.Collections.Immutable;
using System.Text.Json.Serialization;
using ContainerKit.Containers.Specs;
using ContainerKit.Images;
using ContainerKit.Isolation;

namespace ContainerKit.Containers;

/// <summary>Everything that a <see cref="ContainerBuilder"/> has been told, as data.</summary>
internal sealed record ContainerOptions
{
    public string? Name { get; init; }

    public ImmutableArray<string>? Entrypoint { get; init; }

    public ImmutableArray<string>? Command { get; init; }

    /// <summary>In the order given; a later value of the same name wins.</summary>
    public ImmutableArray<KeyValuePair<string, string>> Environment { get; init; } = [];

    public string? WorkingDirectory { get; init; }

    public string? User { get; init; }

    public string? Hostname { get; init; }

    public bool IsReadOnly { get; init; }

    /// <summary>What its control group limits; null for nothing.</summary>
    public ResourceLimits? Limits { get; init; }

    public bool LimitsAreBestEffort { get; init; }

    /// <summary>Whether it has a control group even without a limit.</summary>
    public bool HasStatistics { get; init; }

    /// <summary>The size of its terminal; null for none.</summary>
    public TerminalSize? Terminal { get; init; }

    /// <summary>Whether its standard input stays open while it is detached, for whoever attaches.</summary>
    public bool HasOpenInput { get; init; }

    /// <summary>Whether its program is the child of an init.</summary>
    public bool HasInit { get; init; }

    public bool IsRemovedAtEnd { get; init; }

    /// <summary>When its program is started again.</summary>
    public RestartKind Restart { get; init; }

    /// <summary>How often at most; null for any number of times.</summary>
    public int? MaximumRestarts { get; init; }

    /// <summary>How its health is told; null: as the image has it.</summary>
    [JsonConverter(typeof(HealthCheckConverter))]
    public HealthCheck? HealthCheck { get; init; }

    public ImmutableArray<Mount> Mounts { get; init; } = [];

    /// <summary>Whether the volumes that the image wants are left out; it matters until the container is made.</summary>
    [JsonIgnore]
    public bool IgnoresImageVolumes { get; init; }

    public NetworkMode Network { get; init; }

    /// <summary>Which of the store's networks; null for the one that needs no name.</summary>
    public string? NetworkName { get; init; }

    public ImmutableArray<PublishedPort> PublishedPorts { get; init; } = [];

    public ImmutableArray<string> AddedCapabilities { get; init; } = [];

    public ImmutableArray<string> DroppedCapabilities { get; init; } = [];

    /// <summary>The document of its seccomp profile; null for the default one.</summary>
    public string? SeccompProfile { get; init; }

    public string? AppArmorProfile { get; init; }

    public string? SelinuxLabel { get; init; }

    /// <summary>Whether set-user-ID bits and file capabilities count.</summary>
    public bool AllowsNewPrivileges { get; init; }

    public ImmutableArray<DeviceMapping> Devices { get; init; } = [];

    public ImmutableArray<ResourceLimit> ResourceLimits { get; init; } = [];

    public ExitCheck ExitCheck { get; init; }

    public int MaxCapturedBytes { get; init; } = 16 << 20;

    /// <summary>When it counts as started; null: when its program runs.</summary>
    [JsonIgnore]
    public Ready? Readiness { get; init; }

    /// <summary>When the image is fetched; it matters until the container is made.</summary>
    [JsonIgnore]
    public PullPolicy Pull { get; init; }

    /// <summary>When its program is started again, and how often.</summary>
    public RestartPolicy ToRestartPolicy() => RestartPolicy.Of(Restart, MaximumRestarts);

    /// <summary>What the image says, with what was told here over it.</summary>
    public ImageConfig ApplyTo(ImageConfig config) => config with
    {
        Environment = EnvironmentList.Merge(config.Environment, Environment),
        Entrypoint = Entrypoint is { } entrypoint ? [.. entrypoint] : config.Entrypoint,
        Command = Command is { } command ? [.. command] : Entrypoint is null ? config.Command : [],
        WorkingDirectory = WorkingDirectory ?? config.WorkingDirectory,
        User = User ?? config.User,
        HealthCheck = HealthCheck ?? config.HealthCheck,
    };

    /// <summary>Opens what feeds standard input; null: it is empty. It lives as long as its description.</summary>
    [JsonIgnore]
    public Func<Stream>? StandardInput { get; init; }
}

/// <summary>One setrlimit(2) limit.</summary>
/// <param name="Name">As in the manual, without the prefix and in lower case: <c>nofile</c>, <c>nproc</c>, <c>core</c>.</param>
/// <param name="Soft">What applies at first.</param>
/// <param name="Hard">How far the program may raise it.</param>
internal readonly record struct ResourceLimit(string Name, ulong Soft, ulong Hard);
