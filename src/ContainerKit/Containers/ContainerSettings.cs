using ContainerKit.Containers.Catalog;
using ContainerKit.Isolation;

namespace ContainerKit;

/// <summary>How a container will be run: what its description said, over what its image says.</summary>
public sealed record ContainerSettings
{
    internal ContainerSettings(ContainerRecord record)
    {
        var options = record.Options;
        Config = record.Options.ApplyTo(new ImageConfig
        {
            Environment = record.Image.Environment,
            Entrypoint = record.Image.Entrypoint,
            Command = record.Image.Command,
            WorkingDirectory = record.Image.WorkingDirectory,
            User = record.Image.User,
            StopSignal = record.Image.StopSignal,
            HealthCheck = record.Image.HealthCheck,
        });
        Hostname = options.Hostname ?? record.Id[..12];
        Network = options.Network;
        NetworkName = options.Network == NetworkMode.Bridge ? options.NetworkName ?? NetworkStore.DefaultName : null;
        PublishedPorts = options.PublishedPorts;
        Terminal = options.Terminal;
        HasOpenInput = options.HasOpenInput;
        HasInit = options.HasInit;
        Restart = options.ToRestartPolicy();
        IsReadOnly = options.IsReadOnly;
        Mounts = options.Mounts;
        Limits = options.Limits ?? ResourceLimits.None;
        AddedCapabilities = options.AddedCapabilities;
        DroppedCapabilities = options.DroppedCapabilities;
        NoNewPrivileges = !options.AllowsNewPrivileges;
        SeccompProfile = options.SeccompProfile;
        AppArmorProfile = options.AppArmorProfile;
        SelinuxLabel = options.SelinuxLabel;
        Devices = options.Devices;
    }

    /// <summary>Environment, entrypoint, command, working directory, user, stop signal and health check.</summary>
    public ImageConfig Config { get; }

    /// <summary>The host name that the container sees.</summary>
    public string Hostname { get; }

    /// <summary>The network that it sees.</summary>
    public NetworkMode Network { get; }

    /// <summary>The name of the network that it is a member of; null unless <see cref="Network"/> is <see cref="NetworkMode.Bridge"/>.</summary>
    public string? NetworkName { get; }

    /// <summary>The ports of the host that lead to it while it runs; port 0 is any that is free then.</summary>
    public IReadOnlyList<PublishedPort> PublishedPorts { get; }

    /// <summary>The size of its program's terminal when it starts; null for none.</summary>
    public TerminalSize? Terminal { get; }

    /// <summary>Whether its program's standard input stays open while it is detached, for whoever attaches.</summary>
    public bool HasOpenInput { get; }

    /// <summary>Whether its program is the child of an init.</summary>
    public bool HasInit { get; }

    /// <summary>When its program is started again.</summary>
    public RestartPolicy Restart { get; }

    /// <summary>Whether its root file system is read-only.</summary>
    public bool IsReadOnly { get; }

    /// <summary>What is mounted in it beyond its own file systems: bind mounts, tmpfs, and volumes, whose source is their name.</summary>
    public IReadOnlyList<Mount> Mounts { get; }

    /// <summary>How much of the machine it may use.</summary>
    public ResourceLimits Limits { get; }

    /// <summary>Capabilities beyond docker's fourteen, as they were asked for.</summary>
    public IReadOnlyList<string> AddedCapabilities { get; }

    /// <summary>Capabilities that it is denied, as they were asked for.</summary>
    public IReadOnlyList<string> DroppedCapabilities { get; }

    /// <summary>Whether set-user-ID bits and file capabilities give its programs nothing.</summary>
    public bool NoNewPrivileges { get; }

    /// <summary>The JSON document of its seccomp profile; null for <see cref="ContainerKit.SeccompProfile.Default"/>.</summary>
    public string? SeccompProfile { get; }

    /// <summary>The AppArmor profile that its programs run under; null for none.</summary>
    public string? AppArmorProfile { get; }

    /// <summary>The SELinux label that its programs run with; null for none.</summary>
    public string? SelinuxLabel { get; }

    /// <summary>The devices of the host that it may open, beyond the usual six.</summary>
    public IReadOnlyList<DeviceMapping> Devices { get; }
}
