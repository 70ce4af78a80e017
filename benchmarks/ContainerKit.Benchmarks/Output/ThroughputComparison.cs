using System.Diagnostics;
using System.IO.Pipelines;

namespace ContainerKit.Benchmarks.Output;

/// <summary>How many bytes a second come out of a container, beside <c>dd | dd</c> on the host, in turn, round after round. All of them write zeros by 64 KiB.</summary>
internal static class ThroughputComparison
{
    private const long Bytes = 2L << 30;
    private const int PieceSize = 64 << 10;
    private static readonly string[] Writer = ["dd", "if=/dev/zero", $"bs={PieceSize}", $"count={Bytes / PieceSize}", "status=none"];

    public static async Task RunAsync(int rounds)
    {
        var directory = Directory.CreateTempSubdirectory("containerkit-bench-").FullName;
        try
        {
            await using var host = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = directory });
            var image = await host.BuildFromScratch().AddHostProgram("dd", "cat", "sleep").BuildAsync("bench:1");
            await using var sleeper = await host.Container(image).WithCommand("sleep", "100000").StartAsync();
            await using var written = await host.Container(image).WithCommand(Writer).CreateAsync();
            await using var mirror = await host.Container(image).WithCommand("cat").CreateAsync();
            (string Name, Func<Task> RunAsync)[] ways =
            [
                ("dd | dd", PipeAsync),
                ("a container's OutputReader", () => RunContainerAsync(written)),
                ("an exec's OutputReader", () => RunExecAsync(sleeper)),
                ("into cat and back", () => MirrorAsync(mirror)),
            ];
            var speeds = ways.Select(_ => new List<double>()).ToArray();
            for (var round = -1; round < rounds; round++)
            {
                for (var way = 0; way < ways.Length; way++)
                {
                    var clock = Stopwatch.StartNew();
                    await ways[way].RunAsync();
                    if (round >= 0)
                    {
                        speeds[way].Add(Bytes / clock.Elapsed.TotalSeconds / (1 << 20));
                    }
                }
            }

            for (var way = 0; way < ways.Length; way++)
            {
                var ratios = speeds[way].Zip(speeds[0], (own, pipe) => own / pipe).Order().ToArray();
                Console.WriteLine(FormattableString.Invariant($"{ways[way].Name,-28} median {Median(speeds[way]),6:0} MiB/s, best {speeds[way].Max(),6:0}; ratio to dd | dd in the same round: median {Median(ratios):0.00}, {ratios[0]:0.00} to {ratios[^1]:0.00}"));
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task PipeAsync()
    {
        using var process = Process.Start("sh", ["-c", $"{string.Join(' ', Writer)} | dd of=/dev/null bs={PieceSize} status=none"]);
        await process.WaitForExitAsync();
    }

    private static async Task RunContainerAsync(Container container)
    {
        await using var running = await container.StartAsync();
        await DrainAsync(running.OutputReader);
        await running.WaitForExitAsync();
    }

    private static async Task RunExecAsync(RunningContainer container)
    {
        await using var program = await container.StartExecAsync(Writer);
        await DrainAsync(program.OutputReader);
        await program.WaitForExitAsync();
    }

    private static async Task MirrorAsync(Container container)
    {
        await using var running = await container.StartAsync();
        var reading = DrainAsync(running.OutputReader);
        var piece = new byte[PieceSize];
        for (var left = Bytes; left > 0; left -= piece.Length)
        {
            await running.StandardInput.WriteAsync(piece);
        }

        await running.StandardInput.DisposeAsync();
        await reading;
        await running.WaitForExitAsync();
    }

    private static async Task DrainAsync(PipeReader reader)
    {
        var left = Bytes;
        while (true)
        {
            var result = await reader.ReadAsync();
            left -= result.Buffer.Length;
            reader.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                await reader.CompleteAsync();
                _ = left == 0 ? left : throw new EndOfStreamException($"{left} bytes are missing.");
                return;
            }
        }
    }

    private static double Median(IEnumerable<double> values) => values.Order().ToArray() is var sorted ? sorted[sorted.Length / 2] : 0;
}
