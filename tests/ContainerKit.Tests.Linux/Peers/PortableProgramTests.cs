using ContainerKit.Images;
using ContainerKit.Tests.Linux.Support;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Linux.Peers;

/// <summary>
/// The half of the library that is about images, on Windows: one program that uses all of it (tests/PortableProgram) is published for
/// Windows and runs under Wine, runs on Linux as well, and has to do the same there, to the byte.
/// </summary>
[Category("Peers")]
[Category("Slow")]
public sealed class PortableProgramTests
{
    // Debian's package wine64 puts them there; its package wine, which has the commands, asks for a 32-bit Windows, too.
    private const string Wine = "/usr/lib/wine/wine64";
    private const string WineServer = "/usr/lib/wine/wineserver64";

    private TemporaryDirectory _directory = null!;
    private Outcome _linux = null!;
    private Outcome _windows = null!;

    [OneTimeSetUp]
    public async Task RunBoth()
    {
        var project = SourceTree.PathOf("tests/PortableProgram");
        Needs.That(File.Exists(Wine), "the host has no Wine (Debian: wine64)");
        _directory = new TemporaryDirectory();
        await PortableInput.WriteAsync(_directory);

        Publish(project, "linux-x64");
        Publish(project, "win-x64");
        _linux = await RunAsync(_directory["linux-x64/PortableProgram"], [], path => path);
        _windows = await RunAsync(Wine, [WindowsPath(_directory["win-x64/PortableProgram.exe"])], WindowsPath);
    }

    [OneTimeTearDown]
    public async Task Remove()
    {
        if (_directory is not null)
        {
            await Shell.TryAsync(WineServer, ["--kill"], start => start.Environment["WINEPREFIX"] = _directory["wine"], CancellationToken.None);
            _directory.Dispose();
        }
    }

    [Test]
    public void It_does_on_Windows_what_it_does_on_Linux_to_the_byte() => Assert.That(
        _windows.Lines.Where(line => !line.StartsWith("refused ", StringComparison.Ordinal)),
        Is.EqualTo(_linux.Lines));

    [Test]
    public void What_it_leaves_on_Windows_are_the_files_that_it_leaves_on_Linux() => Assert.That(FilesOf(_windows), Is.EqualTo(FilesOf(_linux)).And.Not.Empty);

    [TestCase("squashed-Oci")]
    [TestCase("squashed-OciDirectory")]
    [TestCase("squashed-Docker")]
    public async Task Names_that_Windows_cannot_hold_come_back_from_it(string archive)
    {
        var images = new ImageStore(new ImageCatalog(_directory[$"back-{archive}"]));

        var files = await images.OpenFilesAsync(await images.LoadAsync(Path.Combine(_windows.Work, archive)));

        Assert.That(files.List("/names").Select(entry => entry.Name), Is.EquivalentTo(PortableInput.Names.Except(["AUX", "dot."]).Concat(["Twin:", "TWIN:"])));
        Assert.That(files.GetMetadata("/names"), Has.Property("Mode").EqualTo(0x3FF).And.Property("UserId").EqualTo(4_000_000_000));
        Assert.That(files.GetMetadata("/drive").LinkTarget, Is.EqualTo("C:\\Windows"));
        Assert.That(await files.ReadAllTextAsync("/replaced/twin") + await files.ReadAllTextAsync("/replaced/TWIN"), Is.EqualTo("lowerupper"));
    }

    [Test]
    public async Task A_store_of_Windows_is_a_store_on_Linux()
    {
        var images = new ImageStore(new ImageCatalog(Path.Combine(_windows.Work, "pulled", "images")));

        var image = await images.ListAsync().SingleAsync();

        Assert.That(_windows.Lines, Has.Some.StartsWith($"squashed layer 0\t{image.Layers[0].DiffId} "));
        Assert.That((await images.OpenFilesAsync(image)).Exists("/names/aux"), Is.True);
    }

    [Test]
    public void A_blob_that_broke_off_goes_on_where_it_was()
    {
        Assert.That(_windows.Lines, Has.Member("first attempt broke off\tTrue"));
        Assert.That(_windows.Ranges, Is.Not.Empty.And.EqualTo(_linux.Ranges));
    }

    [Test]
    public void What_needs_Linux_says_so_and_what_to_do()
    {
        var refusals = _windows.Lines.Where(line => line.StartsWith("refused ", StringComparison.Ordinal)).ToList();

        Assert.That(refusals, Has.Count.EqualTo(8));
        Assert.That(refusals, Has.All.Contains("on Linux only, and this is Windows.").And.All.Contains("WSL 2"));
    }

    private static string WindowsPath(string path) => "Z:" + path.Replace('/', '\\');

    private void Publish(string project, string runtime) => Shell.Run(
        "dotnet",
        "publish", project, "--configuration", "Release", $"-p:PortableRuntime={runtime}", "--output", _directory[runtime], "--nologo", "--verbosity", "quiet", "--disable-build-servers");

    private async Task<Outcome> RunAsync(string program, IReadOnlyList<string> arguments, Func<string, string> pathOf)
    {
        var work = _directory[$"work-{Path.GetFileName(program)}"];
        await using var registry = new TestRegistry();
        // Of the two blobs of the image one is small enough to come through.
        registry.Faults.Add(new Fault("GET", "/app/blobs/") { ClosesAfter = 300_000, Times = 2 });
        var result = await Shell.TryAsync(
            program,
            [.. arguments, pathOf(work), pathOf(_directory["input"]), registry.Host],
            start =>
            {
                // No display, nothing of the user's own, no offer to install what is not needed, and no reports.
                start.Environment["WINEPREFIX"] = _directory["wine"];
                start.Environment["WINEDEBUG"] = "-all";
                start.Environment["WINEDLLOVERRIDES"] = "mshtml,winemenubuilder.exe=";
                start.Environment.Remove("DISPLAY");
                // The runtime maps its code twice, to be written and to be executed, which Wine 8 does not always survive (seen).
                start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
            },
            CancellationToken.None);
        Assert.That(result.ExitCode, Is.Zero, $"{result.Error}\n{result.Output}");
        var ranges = registry.Downloads.Select(request => request.Headers.GetValueOrDefault("Range")).OfType<string>();
        return new Outcome(work, [.. result.Output.TrimEnd('\n').Split('\n')], [.. ranges]);
    }

    // What differs rightly: locks stay on Windows until the next sweep; stores list names in the order in which they were given; the two
    // registries had different ports. Indexes of archives are in what is printed.
    private static IEnumerable<string> FilesOf(Outcome outcome) => Directory.EnumerateFiles(outcome.Work, "*", SearchOption.AllDirectories)
        .Select(path => Path.GetRelativePath(outcome.Work, path))
        .Where(path => !path.EndsWith("lock", StringComparison.Ordinal) && !path.Split('/').Any(part => part is "snapshots" or ".sources" or "index.json" or ".index.copy"))
        .Order(StringComparer.Ordinal)
        .Select(path => $"{path} {Digest.Of(File.ReadAllBytes(Path.Combine(outcome.Work, path)))}");

    /// <summary>What a run printed, left and asked for.</summary>
    private sealed record Outcome(string Work, string[] Lines, string[] Ranges);
}
