using System.Text;
using ContainerKit.Containers.Catalog;
using ContainerKit.Isolation.Seccomp;

namespace ContainerKit;

/// <content>What its programs may do to the kernel.</content>
public sealed partial class ContainerBuilder
{
    // The kernel takes one page, and "exec " stands in front of an AppArmor profile's name.
    private const int LongestLabel = 4000;

    /// <summary>Says which system calls are allowed; <see cref="SeccompProfile.Default"/> unless told otherwise.</summary>
    /// <param name="profile">The profile; its rules about capabilities go by what this container has.</param>
    /// <remarks>
    /// <para>
    /// The filter is in force before the program is, so that nothing of the container ever runs without it: a profile that allows next to nothing must
    /// allow <c>execve</c>, and for programs that join <c>write</c>, <c>close</c>, <c>clone</c>, <c>setsid</c>, <c>prctl</c>, <c>ppoll</c> and <c>exit_group</c> too.
    /// </para>
    /// <para>The container keeps the profile as it is now; a file that it was loaded from is not read again.</para>
    /// </remarks>
    /// <exception cref="IsolationException">It asks for what a filter cannot do: SCMP_ACT_NOTIFY, or forbidding a call that nobody knows.</exception>
    public ContainerBuilder WithSeccomp(SeccompProfile profile)
    {
        ArgumentNullException.ThrowIfNull(profile);
        SeccompCompiler.Check(profile);
        return With(_options with { SeccompProfile = profile == SeccompProfile.Default ? null : profile.Document });
    }

    /// <summary>Runs its programs under an AppArmor profile, which the host must have loaded.</summary>
    /// <param name="name">The profile's name, as <c>aa-status</c> lists it.</param>
    /// <remarks>Without this none is applied. Starting is a <see cref="HostCapabilityException"/> where the host has no AppArmor.</remarks>
    /// <exception cref="ArgumentException">No profile can have this name.</exception>
    public ContainerBuilder WithAppArmorProfile(string name) => With(_options with { AppArmorProfile = RequireLabel(name, "An AppArmor profile") });

    /// <summary>Runs its programs with an SELinux label.</summary>
    /// <param name="label">The whole label, such as <c>system_u:system_r:container_t:s0:c1,c2</c>.</param>
    /// <remarks>
    /// Without this they keep that of the host's process. Files are not labelled: the host's policy has to let this label use those of the store.
    /// Starting is a <see cref="HostCapabilityException"/> where the host has no SELinux.
    /// </remarks>
    /// <exception cref="ArgumentException">It is no label.</exception>
    public ContainerBuilder WithSelinuxLabel(string label) => RequireLabel(label, "An SELinux label").Split(':').Length >= 3
        ? With(_options with { SelinuxLabel = label })
        : throw new ArgumentException($"An SELinux label is USER:ROLE:TYPE, with :LEVEL behind it, and not '{label}'.", nameof(label));

    /// <summary>Says whether set-user-ID bits and file capabilities give its programs nothing, as they do unless told otherwise (docker's default is the other).</summary>
    /// <param name="value">False: programs such as <c>su</c>, <c>sudo</c> and <c>ping</c> work, within the container's capabilities.</param>
    public ContainerBuilder WithNoNewPrivileges(bool value = true) => With(_options with { AllowsNewPrivileges = !value });

    /// <summary>Lets its programs open a device of the host: to read, to write and to control, as the node's mode allows.</summary>
    /// <param name="hostPath">The device's node on the host, such as <c>/dev/fuse</c>.</param>
    /// <param name="containerPath">Where the container sees it; the same path when null.</param>
    /// <remarks>
    /// It sees the host's own node, with its owner and mode, which it cannot change. There is no control group of devices, so reading cannot be allowed
    /// without writing other than by the node's mode.
    /// </remarks>
    /// <exception cref="ArgumentException">Nothing can be mounted at the path in the container.</exception>
    public ContainerBuilder WithDevice(string hostPath, string? containerPath = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(hostPath);
        var path = Path.GetFullPath(hostPath);
        var device = new DeviceMapping(path, ContainerPath.RequireMountable(containerPath ?? path));
        return With(_options with { Devices = _options.Devices.Add(device) });
    }

    private static string RequireLabel(string text, string what)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(text);
        return text.Any(char.IsControl) || Encoding.UTF8.GetByteCount(text) > LongestLabel
            ? throw new ArgumentException($"{what} has no control characters and at most {LongestLabel} bytes.", nameof(text))
            : text;
    }
}
