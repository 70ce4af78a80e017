using BenchmarkDotNet.Attributes;

namespace ContainerKit.Benchmarks;

/// <summary>How long a container takes from its description to its end, from a warm process.</summary>
[MemoryDiagnoser]
public class LaunchBenchmarks
{
    private string _directory = "";
    private ContainerHost _host = null!;
    private ContainerBuilder _description = null!;
    private Container _created = null!;
    private RunningContainer _running = null!;

    [GlobalSetup]
    public async Task Open()
    {
        _directory = Directory.CreateTempSubdirectory("containerkit-bench-").FullName;
        _host = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = _directory });
        var image = await _host.BuildFromScratch().AddHostProgram("true", "sleep").BuildAsync("bench:1");
        _description = _host.Container(image).WithCommand("true");
        _created = await _description.CreateAsync();
        _running = await _description.WithCommand("sleep", "100000").StartAsync();
    }

    [GlobalCleanup]
    public async Task Close()
    {
        await _running.DisposeAsync();
        await _created.DisposeAsync();
        await _host.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    /// <summary>A new container with a layer of its own: made, run, removed.</summary>
    [Benchmark(Baseline = true)]
    public Task<CommandResult> Run() => _description.RunAsync();

    /// <summary>The program alone, in a container that is there.</summary>
    [Benchmark]
    public async Task<ExitStatus> Start()
    {
        await using var running = await _created.StartAsync();
        return await running.WaitForExitAsync();
    }

    /// <summary>A further program in a container that runs.</summary>
    [Benchmark]
    public Task<CommandResult> Exec() => _running.ExecAsync(["true"]);

    /// <summary>The layer alone.</summary>
    [Benchmark]
    public async Task Create()
    {
        await using var container = await _description.CreateAsync();
    }
}
