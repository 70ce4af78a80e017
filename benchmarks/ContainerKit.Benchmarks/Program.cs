using BenchmarkDotNet.Running;
using ContainerKit.Benchmarks;
using ContainerKit.Benchmarks.CopyUp;
using ContainerKit.Benchmarks.Forwarding;
using ContainerKit.Benchmarks.Readiness;
using ContainerKit.Benchmarks.SideBySide;

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

BenchmarkSwitcher.FromAssembly(typeof(LaunchBenchmarks).Assembly).Run(args);
