using System.Text.Json.Nodes;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>A container as <c>docker container inspect</c> describes it.</summary>
internal static class ContainerInspection
{
    public static JsonObject ToJson(Container container, string driver, ContainerState state)
    {
        var settings = container.Settings;
        var config = ImageInspection.ConfigToJson(settings.Config);
        config.Insert(0, "Hostname", settings.Hostname);
        config.Add("Image", container.ImageReference);
        config.Add("OpenStdin", settings.HasOpenInput);
        return new JsonObject
        {
            ["Id"] = container.Id,
            ["Created"] = Json.Time(container.Created),
            ["Path"] = container.Command.Count > 0 ? container.Command[0] : "",
            ["Args"] = Json.Strings(container.Command.Skip(1)),
            ["State"] = StateToJson(state),
            ["RestartCount"] = state.RestartCount,
            ["Image"] = container.ImageDigest.ToString(),
            ["Name"] = "/" + container.Name,
            ["Driver"] = driver,
            ["Platform"] = "linux",
            ["Mounts"] = Json.Array(settings.Mounts.Select(MountToJson)),
            ["Config"] = config,
            ["HostConfig"] = new JsonObject
            {
                ["NetworkMode"] = settings.NetworkName ?? settings.Network switch { NetworkMode.Host => "host", NetworkMode.Pasta => "pasta", _ => "none" },
                ["RestartPolicy"] = new JsonObject
                {
                    ["Name"] = settings.Restart.ToString().Split(':')[0],
                    ["MaximumRetryCount"] = settings.Restart.MaximumRetries ?? 0,
                },
                ["PortBindings"] = PortsToJson(settings.PublishedPorts),
                ["Memory"] = settings.Limits.MemoryBytes ?? 0,
                ["NanoCpus"] = (long)((settings.Limits.CpuQuota ?? 0) * 1e9),
                ["PidsLimit"] = settings.Limits.Pids,
                ["ReadonlyRootfs"] = settings.IsReadOnly,
                ["CapAdd"] = Json.Strings(settings.AddedCapabilities),
                ["CapDrop"] = Json.Strings(settings.DroppedCapabilities),
                ["SecurityOpt"] = Json.Strings(SecurityOptions(settings)),
                ["Devices"] = Json.Array(settings.Devices.Select(device => new JsonObject
                {
                    ["PathOnHost"] = device.HostPath,
                    ["PathInContainer"] = device.ContainerPath,
                    ["CgroupPermissions"] = "rwm",
                })),
            },
        };
    }

    // As docker keeps it: the profile's text, not its file's name.
    private static IEnumerable<string> SecurityOptions(ContainerSettings settings)
    {
        yield return settings.NoNewPrivileges ? "no-new-privileges" : "no-new-privileges=false";
        if (settings.SeccompProfile is { } profile)
        {
            yield return $"seccomp={profile}";
        }

        if (settings.AppArmorProfile is { } name)
        {
            yield return $"apparmor={name}";
        }

        if (settings.SelinuxLabel is { } label)
        {
            yield return $"label={label}";
        }
    }

    private static JsonObject PortsToJson(IEnumerable<PublishedPort> ports)
    {
        var bindings = new JsonObject();
        foreach (var group in ports.GroupBy(port => $"{port.ContainerPort}/tcp"))
        {
            bindings[group.Key] = Json.Array(group.Select(port => new JsonObject { ["HostIp"] = port.Address, ["HostPort"] = $"{port.HostPort}" }));
        }

        return bindings;
    }

    public static string NameOf(ContainerStatus status) => status switch
    {
        ContainerStatus.Created => "created",
        ContainerStatus.Running => "running",
        ContainerStatus.Restarting => "restarting",
        ContainerStatus.Paused => "paused",
        _ => "exited",
    };

    private static JsonObject StateToJson(ContainerState state) => new()
    {
        ["Status"] = NameOf(state.Status),
        ["Running"] = state.Status is ContainerStatus.Running or ContainerStatus.Restarting or ContainerStatus.Paused,
        ["Paused"] = state.Status == ContainerStatus.Paused,
        ["Restarting"] = state.Status == ContainerStatus.Restarting,
        ["Health"] = state.Health is { } health ? HealthToJson(health) : null,
        ["OOMKilled"] = state.Exit?.OutOfMemory ?? false,
        ["Pid"] = state.ProcessId ?? 0,
        ["ExitCode"] = state.Exit?.ShellCode ?? 0,
        ["StartedAt"] = state.Started is { } started ? Json.Time(started) : null,
        ["FinishedAt"] = state.Finished is { } finished ? Json.Time(finished) : null,
    };

    private static JsonObject HealthToJson(ContainerHealth health) => new()
    {
        ["Status"] = health.Status.ToString().ToLowerInvariant(),
        ["FailingStreak"] = health.FailingStreak,
        ["Log"] = health.Checked is { } time
            ? new JsonArray(new JsonObject { ["End"] = Json.Time(time), ["ExitCode"] = health.ExitCode ?? -1, ["Output"] = health.Output })
            : [],
    };

    private static JsonObject MountToJson(Mount mount) => new()
    {
        ["Type"] = mount.Type,
        ["Name"] = mount.Type == "volume" ? mount.Source : null,
        ["Source"] = mount.Source,
        ["Destination"] = mount.Target,
        ["Mode"] = string.Join(',', mount.Options),
        ["RW"] = !mount.Options.Contains("ro"),
    };
}
