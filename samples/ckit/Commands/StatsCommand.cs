using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Prints what running containers use of the machine.</summary>
internal sealed class StatsCommand : HostCommand
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly Option<bool> _once = new("--no-stream") { Description = "Prints once, and ends." };
    private readonly Option<bool> _json = Json.Option();
    private readonly Argument<string[]> _containers = new("CONTAINER") { Description = "Names, ids, or beginnings of ids.", Arity = ArgumentArity.OneOrMore };

    public StatsCommand()
        : base("stats", "Print what running containers use of the machine, every second until they end. They need a control group: a limit, or create and run with --stats.")
    {
        Add(_once);
        Add(_json);
        Add(_containers);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var names = line.GetRequiredValue(_containers);
        var running = new Dictionary<string, RunningContainer>(StringComparer.Ordinal);
        try
        {
            foreach (var name in names)
            {
                running[name] = await Lookup.RunningAsync(await Lookup.ContainerAsync(host, name, cancellationToken), name, cancellationToken);
            }

            var before = await ReadAsync(running, cancellationToken);
            do
            {
                await Task.Delay(Period, cancellationToken);
                foreach (var ended in running.Where(each => each.Value.WaitForExitAsync(cancellationToken).IsCompleted).ToArray())
                {
                    running.Remove(ended.Key);
                    await ended.Value.DisposeAsync();
                }

                var now = await ReadAsync(running, cancellationToken);
                Print(now, before, line.GetValue(_json));
                before = now;
            }
            while (!line.GetValue(_once) && running.Count > 0);
            return 0;
        }
        finally
        {
            foreach (var each in running.Values)
            {
                await each.DisposeAsync();
            }
        }
    }

    private static async Task<Dictionary<string, ContainerStats>> ReadAsync(Dictionary<string, RunningContainer> running, CancellationToken cancellationToken)
    {
        var read = new Dictionary<string, ContainerStats>(StringComparer.Ordinal);
        foreach (var (name, container) in running)
        {
            read[name] = await container.GetStatsAsync(cancellationToken);
        }

        return read;
    }

    private static void Print(Dictionary<string, ContainerStats> now, Dictionary<string, ContainerStats> before, bool asJson)
    {
        if (asJson)
        {
            StandardOutput.PrintJson(Json.Array(now.Select(each => ToJson(each.Key, each.Value, Percent(each.Value, before[each.Key])))));
            return;
        }

        var table = new Table("NAME", "CPU %", "MEM USAGE", "MEM LIMIT", "PIDS");
        foreach (var (name, stats) in now)
        {
            table.Add(
                name,
                Percent(stats, before[name]) is { } percent ? percent.ToString("0.00", CultureInfo.InvariantCulture) : "--",
                stats.MemoryBytes is { } memory ? Sizes.Format(memory) : "--",
                stats.MemoryLimitBytes is { } limit ? Sizes.Format(limit) : "--",
                stats.Pids?.ToString(CultureInfo.InvariantCulture) ?? "--");
        }

        table.Print();
    }

    // As docker counts it: 100 is one processor.
    private static double? Percent(ContainerStats now, ContainerStats before) =>
        now.CpuTime - before.CpuTime is { } used && now.Time - before.Time is { Ticks: > 0 } passed ? 100.0 * used.Ticks / passed.Ticks : null;

    private static JsonObject ToJson(string name, ContainerStats stats, double? percent) => new()
    {
        ["Name"] = name,
        ["CPUPercent"] = percent,
        ["MemoryBytes"] = stats.MemoryBytes,
        ["MemoryLimitBytes"] = stats.MemoryLimitBytes,
        ["SwapBytes"] = stats.SwapBytes,
        ["PIDs"] = stats.Pids,
        ["ReadBytes"] = stats.IoReadBytes,
        ["WrittenBytes"] = stats.IoWrittenBytes,
        ["OutOfMemoryKills"] = stats.OutOfMemoryKills,
    };
}
