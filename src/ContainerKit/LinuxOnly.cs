using System.Runtime.InteropServices;

namespace ContainerKit;

/// <summary>What is thrown where something needs Linux, and this is another system.</summary>
internal static class LinuxOnly
{
    /// <summary>What this system is called.</summary>
    public static string System =>
        OperatingSystem.IsWindows() ? "Windows" : OperatingSystem.IsMacOS() ? "macOS" : RuntimeInformation.OSDescription;

    /// <summary>Where else it can be done, as the end of a sentence.</summary>
    public static string Elsewhere =>
        OperatingSystem.IsWindows() ? "on a Linux machine, or in WSL 2 on this one" : "on a Linux machine, or in a virtual one";

    /// <summary>The refusal as a sentence, with what can be done instead.</summary>
    /// <param name="what">What needs Linux, as the beginning of a sentence: <c>Containers are made and run</c>.</param>
    public static PlatformNotSupportedException Refusal(string what) => new(
        $"{what} on Linux only, and this is {System}. Images can be had, built, edited, looked into and sent here; do the rest {Elsewhere}.");
}
