using System.Diagnostics;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Engines;

namespace ContainerKit.Benchmarks;

/// <summary>Copying trees: a whole one, as the vfs driver does for each container, beside <c>cp -a</c>; and file by file, as a write below does.</summary>
[SimpleJob(RunStrategy.Monitoring, warmupCount: 2, iterationCount: 10)]
public class TreeCopyBenchmarks
{
    private string _directory = "";
    private string _tree = "";
    private ContainerHost _vfs = null!;
    private ContainerHost _overlay = null!;
    private Container _container = null!;

    /// <summary>How many files, of 4 KiB each.</summary>
    [Params(2000)]
    public int Files { get; set; }

    [GlobalSetup]
    public async Task Open()
    {
        _directory = Directory.CreateTempSubdirectory("containerkit-bench-").FullName;
        _tree = Directory.CreateDirectory(Path.Combine(_directory, "tree")).FullName;
        var content = new byte[4096];
        for (var i = 0; i < Files; i++)
        {
            Random.Shared.NextBytes(content);
            await File.WriteAllBytesAsync(Path.Combine(Directory.CreateDirectory(Path.Combine(_tree, $"{i / 100}")).FullName, $"{i}"), content);
        }

        _vfs = await OpenAsync("vfs");
        _overlay = await OpenAsync("overlay");
    }

    [GlobalCleanup]
    public async Task Close()
    {
        await _vfs.DisposeAsync();
        await _overlay.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [IterationSetup(Target = nameof(CopyUp))]
    public void MakeContainer() => _container = _overlay.Container("tree:1").CreateAsync().GetAwaiter().GetResult();

    [IterationCleanup(Target = nameof(CopyUp))]
    public void RemoveContainer() => _container.DisposeAsync().AsTask().GetAwaiter().GetResult();

    [IterationCleanup(Target = nameof(Cp))]
    public void RemoveCopy() => Directory.Delete(Path.Combine(_directory, "copy"), recursive: true);

    /// <summary>What the host's own cp needs.</summary>
    [Benchmark(Baseline = true)]
    public void Cp()
    {
        using var process = Process.Start("cp", ["-a", "--reflink=auto", _tree, Path.Combine(_directory, "copy")]);
        process.WaitForExit();
    }

    /// <summary>A container on the vfs driver, made and removed.</summary>
    [Benchmark]
    public async Task CreateOnVfs()
    {
        await using var container = await _vfs.Container("tree:1").CreateAsync();
    }

    /// <summary>Each file of the image opened for writing once, in process.</summary>
    [Benchmark]
    public async Task CopyUp()
    {
        for (var i = 0; i < Files; i++)
        {
            await using var file = await _container.Files.OpenWriteAsync($"/tree/{i / 100}/{i}");
        }
    }

    private async Task<ContainerHost> OpenAsync(string driver)
    {
        var host = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = Path.Combine(_directory, driver), StorageDriver = driver });
        await host.BuildFromScratch().AddDirectory(_tree, "/tree").BuildAsync("tree:1");
        await (await host.Container("tree:1").CreateAsync()).DisposeAsync();
        return host;
    }
}
