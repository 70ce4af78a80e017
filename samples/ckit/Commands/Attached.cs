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

        await StreamAsync(running.StandardInput, running.StandardOutput, running.StandardError, feedInput);
        var exit = await running.WaitForExitAsync(CancellationToken.None);
        return exit.ShellCode;
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
