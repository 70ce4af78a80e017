namespace ContainerKit.Containers.Specs;

/// <summary>The names of setrlimit(2)'s resources, and their numbers on x86-64 and ARM64.</summary>
internal static class ResourceNames
{
    private static readonly string[] Names =
    [
        "cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock", "as", "locks", "sigpending", "msgqueue", "nice", "rtprio", "rttime",
    ];

    public static int Parse(string name) => Array.IndexOf(Names, name) is var number and >= 0
        ? number
        : throw new ArgumentException($"'{name}' names no resource limit; these do: {string.Join(", ", Names)}.", nameof(name));
}
