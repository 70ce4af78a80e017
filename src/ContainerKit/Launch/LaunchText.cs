using ContainerKit.Linux;

namespace ContainerKit.Launch;

/// <summary>How long texts are once the kernel sees them.</summary>
internal static class LaunchText
{
    public static int LengthOf(string? text) => text is null ? 0 : LinuxPath.Encode(text).Length;
}
