using Ckit.CommandLine;

namespace Ckit.Commands;

/// <summary>What docker's <c>--security-opt</c> and <c>--device</c> mean.</summary>
internal static class SecurityFlags
{
    private const string Known = "seccomp=FILE, seccomp=unconfined, apparmor=PROFILE, label=LABEL, label=disable and no-new-privileges";

    public static async Task<ContainerBuilder> ApplyAsync(ContainerBuilder container, IReadOnlyList<string> options, CancellationToken cancellationToken)
    {
        var label = new SelinuxLabel();
        foreach (var option in options)
        {
            // Docker's older spelling has a colon there.
            var end = option.AsSpan().IndexOfAny('=', ':');
            var (key, value) = end < 0 ? (option, "") : (option[..end], option[(end + 1)..]);
            container = (key, value) switch
            {
                ("seccomp", "unconfined") => container.WithSeccomp(SeccompProfile.Unconfined),
                ("seccomp", "builtin") => container.WithSeccomp(SeccompProfile.Default),
                ("seccomp", { Length: > 0 }) => container.WithSeccomp(await SeccompProfile.LoadAsync(value, cancellationToken)),
                ("apparmor", "unconfined") => container,
                ("apparmor", { Length: > 0 }) => container.WithAppArmorProfile(value),
                ("label", { Length: > 0 }) => label.Read(container, value),
                ("no-new-privileges", "" or "true") => container.WithNoNewPrivileges(),
                ("no-new-privileges", "false") => container.WithNoNewPrivileges(false),
                _ => throw new UsageException($"There is no security option '{option}'; there are {Known}."),
            };
        }

        return label.Parts is { } parts ? container.WithSelinuxLabel(parts) : container;
    }

    /// <summary><c>HOST</c>, <c>HOST:CONTAINER</c>, and with <c>:rwm</c> behind it.</summary>
    public static ContainerBuilder Device(ContainerBuilder container, string device)
    {
        var (host, inside, access) = device.Split(':') switch
        {
            [{ Length: > 0 } only] => (only, only, "rwm"),
            [{ Length: > 0 } from, { Length: > 0 } to] => to[0] == '/' ? (from, to, "rwm") : (from, from, to),
            [{ Length: > 0 } from, { Length: > 0 } to, { Length: > 0 } how] => (from, to, how),
            _ => throw new UsageException($"'{device}' is no device: write PATH, PATH:PATH or PATH:PATH:rwm."),
        };

        // A node that a container makes itself opens nothing, so 'm' gives nothing, and leaving it out takes nothing.
        return string.Concat(access.Order()) switch
        {
            "rw" or "mrw" => container.WithDevice(host, inside),
            "r" or "w" or "m" or "mr" or "mw" => throw new UsageException($"The device '{host}' can be given with 'rw' or 'rwm', not with '{access}': nothing here forbids writing but its node's mode."),
            _ => throw new UsageException($"A device's access is made of r, w and m, and not '{access}'."),
        };
    }

    /// <summary>A label that is given whole, or as docker takes it: part by part, over what containers have elsewhere.</summary>
    private sealed class SelinuxLabel
    {
        private readonly string[] _parts = ["system_u", "system_r", "container_t", "s0"];
        private bool _isGiven;

        public string? Parts => _isGiven ? string.Join(':', _parts) : null;

        public ContainerBuilder Read(ContainerBuilder container, string value)
        {
            switch (value.Split(':', 2))
            {
                case ["disable"]:
                    _isGiven = false;
                    return container;
                case ["user", { Length: > 0 } user]:
                    return Set(container, 0, user);
                case ["role", { Length: > 0 } role]:
                    return Set(container, 1, role);
                case ["type", { Length: > 0 } type]:
                    return Set(container, 2, type);
                case ["level", { Length: > 0 } level]:
                    return Set(container, 3, level);
                default:
                    return container.WithSelinuxLabel(value);
            }
        }

        private ContainerBuilder Set(ContainerBuilder container, int part, string value)
        {
            _isGiven = true;
            _parts[part] = value;
            return container;
        }
    }
}
