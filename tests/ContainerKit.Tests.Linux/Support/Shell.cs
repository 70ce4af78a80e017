using System.ComponentModel;
using System.Diagnostics;

namespace ContainerKit.Tests.Linux.Support;

/// <summary>What a host program said, and how it ended.</summary>
internal sealed record ShellResult(int ExitCode, string Output, string Error);

/// <summary>Runs programs of the host, to prepare a test or to ask a peer's opinion.</summary>
internal static class Shell
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    /// <summary>Runs a program, which must succeed.</summary>
    /// <returns>Its standard output, without the last line's end.</returns>
    /// <exception cref="InvalidOperationException">It failed; the message holds what it wrote to standard error.</exception>
    public static string Run(string program, params IEnumerable<string> arguments)
    {
        var result = Try(program, arguments);
        return result.ExitCode == 0
            ? result.Output.TrimEnd('\n')
            : throw new InvalidOperationException(
                $"{program} {string.Join(' ', arguments)} ended with {result.ExitCode}: {result.Error.Trim()} {result.Output.Trim()}");
    }

    /// <summary>Runs a script with <c>bash -eu</c>; what follows becomes $1, $2 and so on, so that no path needs quoting.</summary>
    public static string Script(string script, params IEnumerable<string> arguments) =>
        Run("bash", [.. (string[])["-eu", "-o", "pipefail", "-c", script, "bash"], .. arguments]);

    /// <summary>Runs a program that may fail.</summary>
    public static ShellResult Try(string program, params IEnumerable<string> arguments) =>
        TryAsync(program, arguments, null, CancellationToken.None).GetAwaiter().GetResult();

    /// <inheritdoc cref="Try"/>
    /// <param name="program">A path, or a name to look for in PATH.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="configure">Changes the start, for example its environment or directory.</param>
    /// <param name="cancellationToken">Kills the program and all that it started.</param>
    public static async Task<ShellResult> TryAsync(
        string program, IEnumerable<string> arguments, Action<ProcessStartInfo>? configure, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            // The words of errors are compared in tests, and Debian's tools for administrators are not in an ordinary user's PATH.
            Environment = { ["LC_ALL"] = "C.UTF-8", ["PATH"] = HostPath.Everything },
        };
        configure?.Invoke(start);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(Patience);
        using var process = Start(start);
        process.StandardInput.Close();
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(patience.Token);
            var error = process.StandardError.ReadToEndAsync(patience.Token);
            await process.WaitForExitAsync(patience.Token);
            return new ShellResult(process.ExitCode, await output, await error);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {string.Join(' ', start.ArgumentList)} did not end in time.");
        }
    }

    private static Process Start(ProcessStartInfo start)
    {
        // .NET looks a bare name up in this process's PATH, not in the one that the child is given.
        start.FileName = HostPath.Find(start.FileName) ?? start.FileName;
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new InvalidOperationException($"Cannot run {start.FileName}: {e.Message}", e);
        }
    }
}
