using Ckit.Output;

namespace Ckit.CommandLine;

/// <summary>The arguments byte for byte: .NET takes what is no UTF-8 for U+FFFD, and names of files may be so.</summary>
internal static class RawArguments
{
    private const char Replacement = '\uFFFD';

    /// <summary>The arguments, with each byte that is no UTF-8 as the library gives it: a lone surrogate.</summary>
    public static string[] Restore(string[] arguments)
    {
        if (!OperatingSystem.IsLinux() || !arguments.Any(each => each.Contains(Replacement, StringComparison.Ordinal)))
        {
            return arguments;
        }

        // What comes before ours is the program's own name, and maybe that of its host. proc_pid_cmdline(5)
        var given = new List<string>();
        for (var rest = File.ReadAllBytes("/proc/self/cmdline").AsSpan(); rest.IndexOf((byte)0) is var end and >= 0; rest = rest[(end + 1)..])
        {
            given.Add(Text.Decode(rest[..end]));
        }

        return given.Count >= arguments.Length ? [.. given[^arguments.Length..]] : arguments;
    }
}
