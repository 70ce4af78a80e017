using System.Runtime.Versioning;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Engines;
using ContainerKit.Benchmarks.CopyUp;
using ContainerKit.Storage.Union;
using ContainerKit.Storage.Union.Core;

namespace ContainerKit.Benchmarks;

/// <summary>Copy-up in process, of every shape of files, on file systems with and without shared blocks. Needs root.</summary>
[MemoryDiagnoser]
[SupportedOSPlatform("linux")]
[SimpleJob(RunStrategy.Monitoring, warmupCount: 2, iterationCount: 8)]
public class CopyUpBenchmarks
{
    private Place _place = null!;
    private Branches _branches = null!;
    private IReadOnlyList<string> _paths = [];
    private UnionTree _tree = null!;
    private UnionCore _core = null!;
    private Inode[] _inodes = [];

    [Params("tmpfs", "ext4", "xfs", "btrfs")]
    public string FileSystem { get; set; } = "";

    [ParamsSource(nameof(Shapes))]
    public string Shape { get; set; } = "";

    public static IEnumerable<string> Shapes => LowerFiles.Shapes;

    [GlobalSetup]
    public async Task MakeLower()
    {
        _place = await Place.MakeAsync(FileSystem);
        _branches = new Branches(_place.Root);
        _paths = await LowerFiles.MakeAsync(_branches.Lower, Shape);
    }

    [GlobalCleanup]
    public async Task RemovePlace() => await _place.DisposeAsync();

    [IterationSetup(Target = nameof(ByPath))]
    public void OpenTree()
    {
        _branches.EmptyAsync().GetAwaiter().GetResult();
        _tree = _branches.OpenTree();
    }

    [IterationCleanup(Target = nameof(ByPath))]
    public void CloseTree() => _tree.Dispose();

    [IterationSetup(Target = nameof(ByInode))]
    public void OpenCore()
    {
        _branches.EmptyAsync().GetAwaiter().GetResult();
        _core = _branches.OpenCore();
        _inodes = [.. _paths.Select(path => Branches.LookUp(_core, path))];
    }

    [IterationCleanup(Target = nameof(ByInode))]
    public void CloseCore() => _core.Dispose();

    /// <summary>What <c>container.Files</c> does when a file is opened for writing.</summary>
    [Benchmark]
    public void ByPath() => Branches.CopyUp(_tree, _paths);

    /// <summary>What the FUSE server does, when the files have been looked up.</summary>
    [Benchmark]
    public void ByInode() => Branches.CopyUp(_core, _inodes);
}
