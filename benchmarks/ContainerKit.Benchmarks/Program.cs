using BenchmarkDotNet.Running;
using ContainerKit.Benchmarks;
using ContainerKit.Benchmarks.CopyUp;
using ContainerKit.Benchmarks.Forwarding;
using ContainerKit.Benchmarks.Output;
using ContainerKit.Benchmarks.Readiness;
using ContainerKit.Benchmarks.SideBySide;
using ContainerKit.Benchmarks.Soak;

if (args is ["side-by-side", var ckit, var rounds])
{
    await Comparison.RunAsync(ckit, int.Parse(rounds, System.Globalization.CultureInfo.InvariantCulture));
    return;
}

if (args is ["copy-up", var times, .. var kinds] && OperatingSystem.IsLinux())
{
    await CopyUpComparison.RunAsync(int.Parse(times, System.Globalization.CultureInfo.InvariantCulture), kinds);
    return;
}

if (args is ["copy-up-cost", var laps, .. var systems] && OperatingSystem.IsLinux())
{
    await CopyUpCost.RunAsync(int.Parse(laps, System.Globalization.CultureInfo.InvariantCulture), systems);
    return;
}

if (args is ["forwarding", var turns])
{
    await ForwardingComparison.RunAsync(int.Parse(turns, System.Globalization.CultureInfo.InvariantCulture));
    return;
}

if (args is ["readiness", var waits])
{
    await NoticeMeasurement.RunAsync(int.Parse(waits, System.Globalization.CultureInfo.InvariantCulture));
    return;
}

if (args is ["throughput", var repeats])
{
    await ThroughputComparison.RunAsync(int.Parse(repeats, System.Globalization.CultureInfo.InvariantCulture));
    return;
}

if (args is ["exec", var starts])
{
    await ExecComparison.RunAsync(int.Parse(starts, System.Globalization.CultureInfo.InvariantCulture));
    return;
}

if (args is ["soak", var cycles])
{
    var directory = Directory.CreateTempSubdirectory("containerkit-soak-").FullName;
    try
    {
        var grown = await SoakRun.RunAsync(directory, int.Parse(cycles, System.Globalization.CultureInfo.InvariantCulture), Console.WriteLine);
        Console.WriteLine(grown.Count == 0 ? "nothing has grown" : $"GROWN: {string.Join("; ", grown)}");
        Environment.ExitCode = grown.Count == 0 ? 0 : 1;
    }
    finally
    {
        Directory.Delete(directory, recursive: true);
    }

    return;
}

BenchmarkSwitcher.FromAssembly(typeof(LaunchBenchmarks).Assembly).Run(args);
