namespace ContainerKit.Tests.Linux.Support;

/// <summary>Where the host keeps its programs, those for administrators included.</summary>
internal static class HostPath
{
    /// <summary>PATH, and the directories that Debian leaves out of an ordinary user's.</summary>
    public static string Everything { get; } =
        string.Join(':', [Environment.GetEnvironmentVariable("PATH") ?? "/usr/bin:/bin", "/usr/sbin", "/sbin"]);

    /// <summary>The full path of a program, or null when the host has none of that name.</summary>
    public static string? Find(string program) => program.Contains('/', StringComparison.Ordinal)
        ? (File.Exists(program) ? program : null)
        : Everything.Split(':', StringSplitOptions.RemoveEmptyEntries).Select(directory => Path.Combine(directory, program)).FirstOrDefault(File.Exists);
}
