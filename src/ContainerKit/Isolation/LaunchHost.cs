using System.Globalization;
using System.Runtime.Versioning;

namespace ContainerKit.Isolation;

/// <summary>What a plan has to know of the host. Data, so that plans for any host can be made on any machine.</summary>
internal sealed record LaunchHost
{
    private const string AppArmorSwitch = "/sys/module/apparmor/parameters/enabled";

    private static LaunchHost? _current;

    /// <summary>Whether this process is root in the first user namespace (or as good as).</summary>
    public required bool IsRoot { get; init; }

    public required uint UserId { get; init; }

    public required uint GroupId { get; init; }

    /// <summary>The highest capability that the kernel knows.</summary>
    public int LastCapability { get; init; } = 40;

    /// <summary>What root can have here: the bounding set of this process. capabilities(7)</summary>
    public ulong Capabilities { get; init; } = ulong.MaxValue;

    /// <summary>Whether overlay takes lower directories one by one (Linux 6.8); otherwise all of them share one page of text.</summary>
    public bool HasLowerDirPlus { get; init; } = true;

    /// <summary>Whether AppArmor is at work, so that programs can be put under its profiles.</summary>
    public bool HasAppArmor { get; init; }

    /// <summary>Whether SELinux is at work, so that programs can have its labels.</summary>
    public bool HasSelinux { get; init; }

    /// <summary>This machine and process. It does not change, so it is looked up once.</summary>
    [SupportedOSPlatform("linux")]
    public static LaunchHost Current => _current ??= new LaunchHost
    {
        IsRoot = Tmds.Linux.LibC.geteuid() == 0u,
        UserId = Tmds.Linux.LibC.geteuid(),
        GroupId = Tmds.Linux.LibC.getegid(),
        LastCapability = ReadNumber("/proc/sys/kernel/cap_last_cap") ?? 40,
        Capabilities = ReadBoundingSet() ?? ulong.MaxValue,
        HasLowerDirPlus = Environment.OSVersion.Version >= new Version(6, 8),
        HasAppArmor = File.Exists(AppArmorSwitch) && File.ReadAllText(AppArmorSwitch).StartsWith('Y'),
        HasSelinux = File.Exists("/sys/fs/selinux/enforce"),
    };

    private static ulong? ReadBoundingSet()
    {
        const string key = "CapBnd:";
        return File.Exists("/proc/self/status")
            && File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal)) is { } line
            && ulong.TryParse(line.AsSpan(key.Length).Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var bits) ? bits : null;
    }

    private static int? ReadNumber(string path) =>
        File.Exists(path) && int.TryParse(File.ReadAllText(path), NumberStyles.Integer, CultureInfo.InvariantCulture, out var number) ? number : null;
}
