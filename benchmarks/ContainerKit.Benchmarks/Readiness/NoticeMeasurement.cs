using System.Diagnostics;
using System.Globalization;

namespace ContainerKit.Benchmarks.Readiness;

/// <summary>
/// How long after a port of a container listens a waiter is told: the listener is opened by this process inside the container, so that the
/// moment is known, at random times of the wait.
/// </summary>
internal static class NoticeMeasurement
{
    private const int FirstPort = 10_000;

    public static async Task RunAsync(int rounds)
    {
        var directory = Directory.CreateTempSubdirectory("containerkit-bench-").FullName;
        try
        {
            await using var host = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = directory });
            var image = await host.BuildFromScratch().AddHostProgram("sleep").BuildAsync("bench:1");
            await using var container = await host.Container(image).WithCommand("sleep", "100000").StartAsync();
            var random = new Random(1);
            var all = new List<double>();
            for (var round = -3; round < rounds; round++)
            {
                var waiting = TimeReadyAsync(container, FirstPort + round);
                await Task.Delay(random.Next(20, 80));
                await using var listener = await container.ListenTcpAsync(FirstPort + round);
                var listens = Stopwatch.GetTimestamp();
                var milliseconds = Stopwatch.GetElapsedTime(listens, await waiting).TotalMilliseconds;
                if (round >= 0)
                {
                    all.Add(milliseconds);
                }
            }

            all.Sort();
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"noticed after: median {all[all.Count / 2]:0.0} ms, 95 % {all[all.Count * 95 / 100]:0.0} ms, longest {all[^1]:0.0} ms, of {all.Count}; load {File.ReadAllText("/proc/loadavg").Split(' ')[0]}"));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task<long> TimeReadyAsync(RunningContainer container, int port)
    {
        await container.WaitUntilReadyAsync(Ready.WhenListening(port));
        return Stopwatch.GetTimestamp();
    }
}
