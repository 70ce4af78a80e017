using ContainerKit.Images;
using ContainerKit.Tests.Linux.Support;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Linux.Registry;

/// <summary>Kill -9 in the middle of a pull: no half of a blob has a name, and the next pull goes on with what had come.</summary>
internal sealed class PullCrashTests
{
    private static readonly SampleImage Image = SampleImage.Of(400_000);

    private static string LayerPath => $"/v2/app/blobs/{Digest.Of(Image.Layers[0])}";

    [Test]
    public async Task What_had_arrived_when_the_process_died_is_not_fetched_again()
    {
        using var directory = new TemporaryDirectory();
        await using var registry = new TestRegistry();
        registry.Content.Add("app", "1", Image);
        registry.Faults.Add(new Fault("GET", LayerPath) { StallsAfter = 100_000 });

        using (var process = new SecondProcess(nameof(PullOnce), directory.Path, registry.Host))
        {
            // It never gets all of the layer; it dies when some of it is on the disk.
            SpinWait.SpinUntil(() => new FileInfo(PartOf(directory.Path)) is { Exists: true, Length: > 0 });
            process.Kill();
        }

        Assert.That(new ImageCatalog(directory.Path).Entries(), Is.Empty);
        Assert.That(new ImageCatalog(directory.Path).Blobs.Contains(Digest.Of(Image.Layers[0])), Is.False);
        registry.Forget();
        PullOnce([directory.Path, registry.Host]);

        Assert.That(new ImageCatalog(directory.Path).Find($"{registry.Host}/app:1")?.Digest, Is.EqualTo(Image.Digest));
        Assert.That(registry.Requests.Single(request => request.Path == LayerPath).Headers.GetValueOrDefault("Range"), Does.Match("^bytes=[1-9][0-9]*-$"));
        Assert.That(await File.ReadAllBytesAsync(new ImageCatalog(directory.Path).Blobs.PathOf(Digest.Of(Image.Layers[0]))), Is.EqualTo(Image.Layers[0]));
        Assert.That(Directory.EnumerateFileSystemEntries(Path.Combine(directory.Path, ".tmp")), Is.Empty);
    }

    [Test]
    public async Task Processes_that_pull_the_same_image_fetch_each_blob_once()
    {
        using var directory = new TemporaryDirectory();
        await using var registry = new TestRegistry();
        registry.Content.Add("app", "1", Image);
        var gate = new TaskCompletionSource();
        registry.Faults.Add(new Fault("GET", "/blobs/") { Times = Fault.Always, Until = gate.Task });

        using var one = new SecondProcess(nameof(PullOnce), directory.Path, registry.Host);
        using var other = new SecondProcess(nameof(PullOnce), directory.Path, registry.Host);
        await registry.SeenAsync(request => request.Path == "/v2/app/manifests/1", 2);
        gate.SetResult();

        Assert.That(new[] { one.WaitForExit(), other.WaitForExit() }, Is.All.Zero);
        Assert.That(registry.Downloads.Count(), Is.EqualTo(2));
    }

    /// <summary>Pulls the image.</summary>
    internal static void PullOnce(string[] arguments)
    {
        // No type of this assembly may be needed on another thread: that would wait for the module's initializer, which this runs in.
        string[] plain = [arguments[1]];
        using var client = new RegistryClient(new RegistryOptions { AuthFiles = Array.Empty<string>(), PlainHttp = plain });
        new ImageStore(new ImageCatalog(arguments[0]), client).PullAsync($"{arguments[1]}/app:1").GetAwaiter().GetResult();
    }

    private static string PartOf(string store) => new ImageCatalog(store).Blobs.PathOfPart(Digest.Of(Image.Layers[0]));
}
