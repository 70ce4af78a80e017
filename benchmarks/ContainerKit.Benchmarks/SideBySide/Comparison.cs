using System.Diagnostics;

namespace ContainerKit.Benchmarks.SideBySide;

/// <summary>
/// Everyone in turn, round after round, so that a noisy machine is noisy for all. Trust ratios within one run, never milliseconds.
/// Peers are timed from Process.Start to their exit, which costs some of it: the first row says how much.
/// </summary>
internal static class Comparison
{
    private const int Sleepers = 1000;

    public static async Task RunAsync(string ckit, int rounds)
    {
        await using var arena = await Arena.BuildAsync(ckit);
        Contestant.NameMissing("bwrap", "crun", "runc", "podman");
        var runc = await arena.RuncAsync("runc run", isLimited: false);
        var started = arena.OursMade("ContainerKit, StartAsync to exit, warm process");
        Contestant?[] all =
        [
            Contestant.Program("(Process.Start /bin/true)", "/bin/true"),
            started,
            arena.Ours("ContainerKit, RunAsync (made, run, removed), warm process"),
            arena.Ckit(ckit),
            arena.Bwrap(),
            await arena.CrunAsync(),
            runc,
            await arena.PodmanAsync(),
        ];
        await TimeAsync("start to exit of /bin/true, no limits", await WorkingAsync(all), rounds, runc);

        var limitedRunc = await arena.RuncAsync("runc run", isLimited: true);
        Contestant?[] limited = [arena.Ours("ContainerKit, RunAsync", spec => spec.WithMemoryLimit(Arena.MemoryLimit).WithProcessLimit(Arena.ProcessLimit)), limitedRunc];
        await TimeAsync("the same with a memory and a process limit", await WorkingAsync(limited), rounds, limitedRunc);

        Contestant?[] parallel = [started, arena.Ours("ContainerKit, RunAsync (made, run, removed)"), arena.Bwrap(), runc];
        await RateAsync(await WorkingAsync(parallel), rounds);
        await SleepAsync(arena, "without limits", spec => spec);
        await SleepAsync(arena, "with a process limit (control groups)", spec => spec.WithProcessLimit(Arena.ProcessLimit));
    }

    public static async Task<List<Contestant>> WorkingAsync(IEnumerable<Contestant?> contestants)
    {
        var working = new List<Contestant>();
        foreach (var contestant in contestants.OfType<Contestant>())
        {
            try
            {
                await contestant.PrepareAsync(contestant.WarmUps);
                for (var i = 0; i < contestant.WarmUps; i++)
                {
                    await contestant.RunAsync();
                }

                await contestant.CleanAsync();
                working.Add(contestant);
            }
            catch (Exception e) when (e is InvalidOperationException or ContainerKitException)
            {
                Console.WriteLine($"left out: {contestant.Name}: {e.Message.ReplaceLineEndings(" ")}");
            }
        }

        return working;
    }

    public static async Task TimeAsync(string title, List<Contestant> contestants, int rounds, Contestant? one)
    {
        if (contestants.Count == 0)
        {
            return;
        }

        var times = contestants.ToDictionary(contestant => contestant, _ => new List<double>());
        for (var round = 0; round < rounds; round++)
        {
            foreach (var contestant in contestants)
            {
                await contestant.PrepareAsync(1);
                var started = Stopwatch.GetTimestamp();
                await contestant.RunAsync();
                times[contestant].Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
                await contestant.CleanAsync();
            }
        }

        var unit = one is not null && times.TryGetValue(one, out var its) ? its : times.Values.First();
        Console.WriteLine($"\n{title}, {rounds} rounds\n| | min ms | median ms | min ratio | median ratio |\n|---|---|---|---|---|");
        foreach (var (contestant, each) in times)
        {
            Console.WriteLine(FormattableString.Invariant(
                $"| {contestant.Name} | {each.Min():0.0} | {Median(each):0.0} | {each.Min() / unit.Min():0.00} | {Median(each) / Median(unit):0.00} |"));
        }
    }

    private static async Task RateAsync(List<Contestant> contestants, int rounds)
    {
        const int atOnce = 8, inTurn = 8;
        var rates = contestants.ToDictionary(contestant => contestant, _ => new List<double>());
        for (var round = 0; round < Math.Max(rounds / 4, 3); round++)
        {
            foreach (var contestant in contestants)
            {
                await contestant.PrepareAsync(atOnce * inTurn);
                var started = Stopwatch.GetTimestamp();
                await Task.WhenAll(Enumerable.Range(0, atOnce).Select(_ => Task.Run(async () =>
                {
                    for (var i = 0; i < inTurn; i++)
                    {
                        await contestant.RunAsync();
                    }
                })));
                rates[contestant].Add(atOnce * inTurn / Stopwatch.GetElapsedTime(started).TotalSeconds);
                await contestant.CleanAsync();
            }
        }

        Console.WriteLine($"\n{atOnce} at once\n| | best /s | median /s |\n|---|---|---|");
        foreach (var (contestant, each) in rates)
        {
            Console.WriteLine(FormattableString.Invariant($"| {contestant.Name} | {each.Max():0} | {Median(each):0} |"));
        }
    }

    private static async Task SleepAsync(Arena arena, string title, Func<ContainerBuilder, ContainerBuilder> with)
    {
        var description = with(arena.Host.Container(arena.Tools).WithCommand("/bin/sleep", "100000"));
        try
        {
            // Once without looking: what the runtime and the kernel keep for the next time is not the containers' own.
            await EndAsync(await StartAllAsync(description));
            GC.Collect();
            var before = MemoryAvailable();
            var started = Stopwatch.GetTimestamp();
            var running = await StartAllAsync(description);
            var up = Stopwatch.GetElapsedTime(started);
            GC.Collect();
            await Task.Delay(TimeSpan.FromSeconds(1));
            Console.WriteLine(FormattableString.Invariant(
                $"\n{Sleepers} sleeping containers {title}: all up in {up.TotalSeconds:0.0} s, {(before - MemoryAvailable()) / (double)Sleepers:0} KiB each (MemAvailable)"));
            await EndAsync(running);
        }
        catch (ContainerKitException e)
        {
            Console.WriteLine($"\n{Sleepers} sleeping containers {title}: {e.Message}");
        }
    }

    private static async Task<List<RunningContainer>> StartAllAsync(ContainerBuilder description)
    {
        var running = new List<RunningContainer>();
        try
        {
            await Parallel.ForAsync(0, Sleepers, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (_, cancellationToken) =>
            {
                var each = await description.StartAsync(cancellationToken);
                lock (running)
                {
                    running.Add(each);
                }
            });
            return running;
        }
        catch
        {
            await EndAsync(running);
            throw;
        }
    }

    // Namespaces of the network end in the background.
    private static async Task EndAsync(List<RunningContainer> running)
    {
        await Parallel.ForEachAsync(running, async (each, _) => await each.DisposeAsync());
        await Task.Delay(TimeSpan.FromSeconds(5));
    }

    private static long MemoryAvailable() => long.Parse(
        File.ReadLines("/proc/meminfo").First(line => line.StartsWith("MemAvailable:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        System.Globalization.CultureInfo.InvariantCulture);

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
