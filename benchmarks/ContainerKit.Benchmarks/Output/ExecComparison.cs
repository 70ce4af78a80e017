using System.Diagnostics;

namespace ContainerKit.Benchmarks.Output;

/// <summary>How long a further program in a running container takes from its start to its end, beside a process of the host, in turn.</summary>
internal static class ExecComparison
{
    public static async Task RunAsync(int rounds)
    {
        const int warmUps = 200;
        var directory = Directory.CreateTempSubdirectory("containerkit-bench-").FullName;
        try
        {
            await using var host = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = directory });
            var image = await host.BuildFromScratch().AddHostProgram("true", "sleep").BuildAsync("bench:1");
            await using var container = await host.Container(image).WithCommand("sleep", "100000").StartAsync();
            (string Name, Func<Task> RunAsync)[] ways =
            [
                ("Process.Start /bin/true", () => StartAsync(isCaptured: false)),
                ("the same, output captured", () => StartAsync(isCaptured: true)),
                ("ExecAsync true", () => container.ExecAsync(["true"])),
            ];
            var times = ways.Select(_ => new List<double>()).ToArray();
            for (var round = -warmUps; round < rounds; round++)
            {
                for (var way = 0; way < ways.Length; way++)
                {
                    var started = Stopwatch.GetTimestamp();
                    await ways[way].RunAsync();
                    if (round >= 0)
                    {
                        times[way].Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
                    }
                }
            }

            for (var way = 0; way < ways.Length; way++)
            {
                Console.WriteLine(FormattableString.Invariant($"{ways[way].Name,-28} min {times[way].Min():0.00} ms, median {Median(times[way]):0.00} ms; ratio to the first: of the minima {times[way].Min() / times[0].Min():0.00}, of the medians {Median(times[way]) / Median(times[0]):0.00}"));
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task StartAsync(bool isCaptured)
    {
        using var process = Process.Start(new ProcessStartInfo("/bin/true") { RedirectStandardOutput = isCaptured, RedirectStandardError = isCaptured })!;
        if (isCaptured)
        {
            await Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        }

        await process.WaitForExitAsync();
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
