using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Ties a container's program to ckit: its streams, its signals, its end.</summary>
internal static class Attached
{
    public static async Task<int> RunAsync(Container container, bool feedInput, CancellationToken cancellationToken)
    {
        await using var running = await container.StartAsync(cancellationToken);
        using var forwarding = SignalForwarding.To(running.KillAsync);
        foreach (var (asked, port) in container.Settings.PublishedPorts.Zip(running.PublishedPorts).Where(pair => pair.First.HostPort == 0))
        {
            await Console.Error.WriteLineAsync($"Port {asked.ContainerPort} is published on {port.Address}:{port.HostPort}.");
        }

        if (container.Settings.Terminal is not null)
        {
            return await InTerminalAsync(feedInput, console => console.AttachAsync(running), running.StandardOutput, running.WaitForExitAsync(CancellationToken.None));
        }

        await StreamAsync(running.StandardInput, running.StandardOutput, running.StandardError, feedInput);
        var exit = await running.WaitForExitAsync(CancellationToken.None);
        return exit.ShellCode;
    }

    /// <summary>Attaches ckit's terminal to that of a program; without input, what that shows is carried as it is.</summary>
    public static async Task<int> InTerminalAsync(bool feedInput, Func<ConsoleTerminal, Task<ExitStatus>> attach, Stream output, Task<ExitStatus> exit)
    {
        if (feedInput)
        {
            using var console = ConsoleTerminal.Open();
            return (await attach(console)).ShellCode;
        }

        await Task.Run(() => Pump.OutAsync(output, Descriptors.Output), CancellationToken.None);
        return (await exit).ShellCode;
    }

    /// <summary>Carries the streams of a program until both outputs have ended.</summary>
    public static async Task StreamAsync(Stream input, Stream output, Stream error, bool feedInput)
    {
        if (feedInput)
        {
            Pump.In(input);
        }
        else
        {
            await input.DisposeAsync();
        }

        await Task.WhenAll(
            Task.Run(() => Pump.OutAsync(output, Descriptors.Output), CancellationToken.None),
            Task.Run(() => Pump.OutAsync(error, Descriptors.Error), CancellationToken.None));
    }
}
