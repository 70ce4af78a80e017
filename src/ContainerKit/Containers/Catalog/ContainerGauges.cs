using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Runtime.Versioning;

namespace ContainerKit.Containers.Catalog;

/// <summary>
/// What the containers of a store use, for whoever observes it: read from their control groups at the moment at which somebody asks, whichever
/// process runs them. A start costs nothing more for it.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class ContainerGauges : IDisposable
{
    // By their stores' directories: two hosts on one store have the same containers.
    private static readonly ConcurrentDictionary<ContainerGauges, string> Open = new();

    private readonly ContainerCatalog _catalog;

    static ContainerGauges()
    {
        Telemetry.Meter.CreateObservableCounter("container.cpu.time", () => Measure(stats => stats.CpuTime?.TotalSeconds), "s", "Processor time that it has used.");
        Telemetry.Meter.CreateObservableUpDownCounter("container.memory.usage", () => Measure(stats => stats.MemoryBytes), "By", "Memory, without what could be dropped at once.");
        Telemetry.Meter.CreateObservableUpDownCounter("containerkit.container.processes", () => Measure(stats => stats.Pids), "{process}", "Processes and threads.");
    }

    /// <summary>Begins to tell of a store's containers; disposal ends it.</summary>
    public ContainerGauges(ContainerCatalog catalog)
    {
        _catalog = catalog;
        Open[this] = catalog.StoreDirectory;
    }

    public void Dispose() => Open.TryRemove(this, out _);

    private static IEnumerable<Measurement<T>> Measure<T>(Func<ContainerStats, T?> select)
        where T : struct =>
        from gauges in Open.DistinctBy(pair => pair.Value)
        from id in gauges.Key._catalog.IdsWithCgroups()
        let stats = gauges.Key._catalog.FindCgroup(id)?.ReadStatistics()
        where stats is not null
        let value = @select(stats)
        where value is not null
        select new Measurement<T>(value.Value, new("container.id", id), new("container.name", gauges.Key._catalog.TryReadSafely(id)?.Name));
}
