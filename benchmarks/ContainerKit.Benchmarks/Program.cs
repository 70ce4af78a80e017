using BenchmarkDotNet.Running;
using ContainerKit.Benchmarks;
using ContainerKit.Benchmarks.SideBySide;

if (args is ["side-by-side", var ckit, var rounds])
{
    await Comparison.RunAsync(ckit, int.Parse(rounds, System.Globalization.CultureInfo.InvariantCulture));
    return;
}

BenchmarkSwitcher.FromAssembly(typeof(LaunchBenchmarks).Assembly).Run(args);
