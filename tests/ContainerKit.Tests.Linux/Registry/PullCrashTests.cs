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
            // It writes a line when it has put something of the layer on the disk, and never gets all of it.
            process.ReadLine();
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

        Assert.That(one.WaitForOutput() + other.WaitForOutput(), Does.Contain("layer"));
        Assert.That(registry.Downloads.Count(), Is.EqualTo(2));
    }

    /// <summary>Pulls the image, and says when some of its layer has come.</summary>
    internal static void PullOnce(string[] arguments)
    {
        using var client = new RegistryClient(new RegistryOptions { AuthFiles = [], PlainHttp = [arguments[1]] });
        new ImageStore(new ImageCatalog(arguments[0]), client).PullAsync($"{arguments[1]}/app:1", progress: new Teller()).GetAwaiter().GetResult();
    }

    private sealed class Teller : IProgress<ImageProgress>
    {
        public void Report(ImageProgress value)
        {
            if (value.Item == Digest.Of(Image.Layers[0]).ToString() && value.BytesDone > 0)
            {
                Console.WriteLine("layer");
            }
        }
    }
}
