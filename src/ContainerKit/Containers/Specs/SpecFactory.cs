using System.Runtime.Versioning;
using ContainerKit.Containers.Catalog;
using ContainerKit.Containers.Hosts;
using ContainerKit.Isolation;
using ContainerKit.Isolation.Cgroups;

namespace ContainerKit.Containers.Specs;

/// <summary>Turns what an image and a description say into the plain data that the isolation engine builds: docker's rules, in one place.</summary>
[SupportedOSPlatform("linux")]
internal static class SpecFactory
{
    private const string DefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    public static IsolationSpec Create(
        ContainerCatalog catalog,
        ContainerRecord record,
        IReadOnlyList<string> command,
        ContainerUser user,
        IReadOnlyList<Mount> root,
        Cgroup? cgroup,
        IEnumerable<Mount>? mounts = null)
    {
        var options = record.Options;
        var hostname = options.Hostname ?? record.Id[..12];
        var capabilities = CapabilitiesOf(options, catalog.Identity);
        var environment = EnvironmentList.Merge([DefaultPath, $"HOSTNAME={hostname}", .. TerminalVariables(options.Terminal)], Pairs(record.Image.Environment).Concat(options.Environment));
        var process = new ProcessSpec
        {
            Arguments = command,
            Environment = environment,
            WorkingDirectory = options.WorkingDirectory ?? (record.Image.WorkingDirectory is { Length: > 0 } directory ? directory : "/"),
            Capabilities = capabilities.Bits,
            SeccompFilter = catalog.SeccompFilter(options.SeccompProfile, capabilities),
            FilterForbidsKeys = options.SeccompProfile is null,
            NoNewPrivileges = !options.AllowsNewPrivileges,
            AppArmorProfile = options.AppArmorProfile,
            SelinuxLabel = options.SelinuxLabel,
            Terminal = options.Terminal,
            Limits = [.. options.ResourceLimits.Select(limit => new ProcessLimit(ResourceNames.Parse(limit.Name), limit.Soft, limit.Hard))],
        };

        return new IsolationSpec
        {
            Process = WithUser(process, user, hasHome: environment.Any(item => item.StartsWith("HOME=", StringComparison.Ordinal))),
            Root = [.. root.Select(WithoutDevices)],
            IsRootMapped = catalog.Identity.MapsFiles,
            IsRootReadOnly = options.IsReadOnly,
            Mounts = [.. (mounts ?? []).Select(WithoutDevices), .. options.Devices.Select(DeviceFiles.MountOf)],
            Namespaces = NamespacesOf(options, catalog.Identity),
            UserMappings = catalog.Identity.UserMappings,
            GroupMappings = catalog.Identity.GroupMappings,
            Hostname = hostname,
            MaskedPaths = DefaultPaths.Masked,
            ReadOnlyPaths = DefaultPaths.ReadOnly,
            HasInit = options.HasInit,
            CgroupProcsFiles = cgroup?.ProcsFiles.Where(file => Path.GetDirectoryName(file) != cgroup.UnifiedDirectory).ToList() ?? [],
            CgroupDirectory = cgroup?.UnifiedDirectory,
        };
    }

    /// <summary>What docker tells programs about their terminal; every emulator of today understands what an xterm does.</summary>
    public static IReadOnlyList<string> TerminalVariables(TerminalSize? terminal) => terminal is null ? [] : ["TERM=xterm"];

    /// <summary>Whether the image or the description says where home is.</summary>
    public static bool DefinesHome(ContainerRecord record) =>
        record.Options.Environment.Any(pair => pair.Key == "HOME") || record.Image.Environment.Any(item => item.StartsWith("HOME=", StringComparison.Ordinal));

    public static ProcessSpec WithUser(ProcessSpec process, ContainerUser user, bool hasHome) => process with
    {
        UserId = user.UserId,
        GroupId = user.GroupId,
        AdditionalGroups = user.AdditionalGroups,
        Environment = hasHome ? process.Environment : EnvironmentList.Merge(process.Environment, [new("HOME", user.HomeDirectory)]),
    };

    /// <summary>
    /// Keeps device nodes of an image, a bind mount, or the container's own making from opening anything: docker has a control group for
    /// that, and joining one costs more than the rest of the launch.
    /// </summary>
    private static Mount WithoutDevices(Mount mount) => mount.Options.Contains("nodev") ? mount : mount with { Options = [.. mount.Options, "nodev"] };

    private static Namespaces NamespacesOf(ContainerOptions options, HostIdentity identity) =>
        (options.Network == NetworkMode.Host ? Namespaces.Default & ~Namespaces.Network : Namespaces.Default)
        | (identity.UserMappings.Count > 0 ? Namespaces.User : Namespaces.None);

    private static CapabilitySet CapabilitiesOf(ContainerOptions options, HostIdentity identity)
    {
        // Docker's order: what is dropped goes first, so that "drop ALL, add CHOWN" means what it says.
        var dropped = options.DroppedCapabilities.Select(CapabilitySet.Parse).ToList();
        var added = options.AddedCapabilities.Aggregate(CapabilitySet.Empty, (set, name) => set.With(CapabilitySet.Parse(name)));

        // Beside "add ALL", what is dropped by its own name stays dropped.
        var set = added == CapabilitySet.All
            ? dropped.Where(each => each != CapabilitySet.All).Aggregate(added, (all, each) => all.Without(each))
            : dropped.Aggregate(CapabilitySet.DockerDefault, (kept, each) => kept.Without(each)).With(added);
        return set.KnownTo(identity.LastCapability);
    }

    private static IEnumerable<KeyValuePair<string, string>> Pairs(IEnumerable<string> items) => items
        .Select(item => item.Split('=', 2))
        .Select(parts => new KeyValuePair<string, string>(parts[0], parts.Length > 1 ? parts[1] : ""));
}
