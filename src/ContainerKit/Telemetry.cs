using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace ContainerKit;

/// <summary>
/// What this library tells whoever observes the process: an <see cref="ActivitySource"/> and a <see cref="System.Diagnostics.Metrics.Meter"/>, both called <see cref="Name"/>. While nobody
/// listens, nothing is measured.
/// </summary>
/// <remarks>
/// <para>Activities, each named <c>containerkit.</c> and an operation: <c>pull</c>, <c>unpack</c>, <c>build</c>, <c>create</c>, <c>start</c>, <c>ready</c> (the wait for readiness), <c>exec</c>, <c>commit</c>. Their tags are
/// OpenTelemetry's where those exist: <c>container.id</c>, <c>container.name</c>, <c>container.image.name</c>, <c>container.command</c> (the program alone),
/// <c>process.exit.code</c>, <c>error.type</c>; beside them <c>containerkit.driver</c> and <c>containerkit.detached</c>.</para>
/// <para>Metrics: <c>containerkit.operations</c> and <c>containerkit.operation.duration</c> (seconds), with <c>containerkit.operation</c> and, for one that failed,
/// <c>error.type</c>; <c>containerkit.pull.bytes</c>; and of every container of an open host's store that runs with a control group <c>container.cpu.time</c> (seconds),
/// <c>container.memory.usage</c> (bytes) and <c>containerkit.container.processes</c>, with <c>container.id</c> and <c>container.name</c>.</para>
/// </remarks>
public static class Telemetry
{
    /// <summary>The name of the activity source and of the meter.</summary>
    public const string Name = "ContainerKit";

    private static readonly string? Version = typeof(Telemetry).Assembly.GetName().Version?.ToString(3);

    internal static ActivitySource Source { get; } = new(Name, Version);

    internal static Meter Meter { get; } = new(Name, Version);

    internal static Counter<long> Operations { get; } = Meter.CreateCounter<long>("containerkit.operations", "{operation}", "What was done, and what of it failed.");

    internal static Histogram<double> Durations { get; } = Meter.CreateHistogram<double>("containerkit.operation.duration", "s", "How long it took.");

    /// <summary>What registries have sent of blobs; what was here already is not among it.</summary>
    internal static Counter<long> PulledBytes { get; } = Meter.CreateCounter<long>("containerkit.pull.bytes", "By", "What registries have sent of blobs.");
}
