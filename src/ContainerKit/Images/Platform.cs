using System.Runtime.InteropServices;

namespace ContainerKit;

/// <summary>What an image runs on. OCI image specification, image-index.md, "platform".</summary>
/// <param name="OperatingSystem">As Go names it (<c>linux</c>).</param>
/// <param name="Architecture">As Go names it (<c>amd64</c>, <c>arm64</c>, <c>386</c>).</param>
/// <param name="Variant">The CPU's variant (<c>v7</c> of <c>arm</c>), or null.</param>
public sealed record Platform(string OperatingSystem, string Architecture, string? Variant = null)
{
    /// <summary>Linux on x86-64.</summary>
    public static Platform LinuxAmd64 { get; } = new("linux", "amd64");

    /// <summary>Linux on 64-bit ARM.</summary>
    public static Platform LinuxArm64 { get; } = new("linux", "arm64");

    /// <summary>Linux on this machine's processor, whatever this process runs under: containers are Linux.</summary>
    public static Platform Host { get; } = RuntimeInformation.OSArchitecture switch
    {
        System.Runtime.InteropServices.Architecture.X64 => LinuxAmd64,
        System.Runtime.InteropServices.Architecture.Arm64 => LinuxArm64,
        System.Runtime.InteropServices.Architecture.X86 => new Platform("linux", "386"),
        System.Runtime.InteropServices.Architecture.Arm => new Platform("linux", "arm", "v7"),
        System.Runtime.InteropServices.Architecture.Armv6 => new Platform("linux", "arm", "v6"),
        System.Runtime.InteropServices.Architecture.LoongArch64 => new Platform("linux", "loong64"),
        System.Runtime.InteropServices.Architecture.Ppc64le => new Platform("linux", "ppc64le"),
        var other => new Platform("linux", other.ToString().ToLowerInvariant()),
    };

    /// <summary>Whether an image for <paramref name="other"/> is meant for this platform too: <c>arm64</c> and <c>arm64/v8</c> are the same.</summary>
    public bool Accepts(Platform other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return OperatingSystem == other.OperatingSystem && Architecture == other.Architecture && (Variant is null || DefaultVariant(other) == DefaultVariant(this));
    }

    /// <summary><c>linux/arm64</c>, or <c>linux/arm/v7</c>.</summary>
    public override string ToString() => Variant is null ? $"{OperatingSystem}/{Architecture}" : $"{OperatingSystem}/{Architecture}/{Variant}";

    private static string? DefaultVariant(Platform platform) => (platform.Architecture, platform.Variant) switch
    {
        ("arm64", null) => "v8",
        ("arm", null) => "v7",
        var (_, variant) => variant,
    };
}
