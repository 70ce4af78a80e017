using System.Diagnostics;

namespace ContainerKit.Benchmarks.SideBySide;

/// <summary>Someone who can run /bin/true in a container.</summary>
/// <param name="Name">How the table calls it.</param>
/// <param name="RunAsync">Runs one container from start to end; throws when it fails.</param>
internal sealed record Contestant(string Name, Func<Task> RunAsync)
{
    /// <summary>Makes what that many runs need, outside of the time that is taken.</summary>
    public Func<int, Task> PrepareAsync { get; init; } = _ => Task.CompletedTask;

    /// <summary>Removes what runs have left, outside of the time that is taken.</summary>
    public Func<Task> CleanAsync { get; init; } = () => Task.CompletedTask;

    /// <summary>How often it runs before the first time is taken: code of .NET is slow until it has run for a while.</summary>
    public int WarmUps { get; init; } = 2;

    private const string Paths = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>A program of the host: whole processes are timed.</summary>
    public static Contestant Program(string name, string program, params string[] arguments) => new(name, () => ExecuteAsync(program, arguments));

    /// <summary>The path of a program, or null.</summary>
    public static string? Find(string program) => Paths.Split(':').Select(directory => Path.Combine(directory, program)).FirstOrDefault(File.Exists);

    /// <summary>Says which peers the host lacks: a table without them must not look complete.</summary>
    public static void NameMissing(params IEnumerable<string> programs)
    {
        foreach (var program in programs.Where(program => Find(program) is null))
        {
            Console.WriteLine($"left out: {program}, which is not installed (Debian's package for bwrap is bubblewrap)");
        }
    }

    /// <summary>Runs a program that must succeed.</summary>
    public static async Task ExecuteAsync(string program, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await Task.WhenAll(output, error);
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} ended with {process.ExitCode}: {(await error).Trim()}");
        }
    }
}
