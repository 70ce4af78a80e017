using System.Formats.Tar;
using ContainerKit.Tests.Linux.Support;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Linux.Containers;

/// <summary>Several processes pull, run, remove and prune in one store, and some of them are killed: what was reported done is there, and all is sound.</summary>
[Category("Slow")]
internal sealed class StoreTortureTests
{
    private const int Waves = 3, AtOnce = 4, Rounds = 12;

    private TemporaryDirectory _directory = null!;
    private TestRegistry _registry = null!;

    [SetUp]
    public void FillRegistry()
    {
        Needs.Overlay();
        Needs.NetworkNamespaces();
        Needs.Program("busybox");
        _directory = new TemporaryDirectory();
        _registry = new TestRegistry();
        var program = ProgramTar(File.ReadAllBytes(HostPath.Find("busybox")!));
        for (var i = 0; i < 3; i++)
        {
            // One layer that all have, and one of their own.
            var own = SampleImage.Tar($"own-{i}", SampleImage.Noise(50_000 + i, i));
            _registry.Content.Add("app", $"{i}", SampleImage.From(Platform.Host, [SampleImage.Pack(program), SampleImage.Pack(own)], [Digest.Of(program), Digest.Of(own)]));
        }
    }

    [TearDown]
    public async Task RemoveAll()
    {
        if (_registry is not null)
        {
            await _registry.DisposeAsync();
        }

        _directory?.Dispose();
    }

    [Test]
    public async Task What_was_reported_done_is_there_and_all_is_sound()
    {
        var kept = new Dictionary<string, string>();
        var odd = new List<string>();
        for (var wave = 0; wave < Waves; wave++)
        {
            using var first = new Worker(Start(wave, 0));
            using var second = new Worker(Start(wave, 1));
            using var third = new Worker(Start(wave, 2));
            using var fourth = new Worker(Start(wave, 3));
            Worker[] workers = [first, second, third, fourth];

            // Half of them die in the middle of whatever they do then.
            foreach (var doomed in workers.Take(AtOnce / 2))
            {
                doomed.WaitForLines(2 + wave);
                doomed.Kill();
            }

            foreach (var line in workers.SelectMany(worker => worker.WaitForAll()))
            {
                var words = line.Split(' ', 3);
                switch (words[0])
                {
                    case "kept":
                        kept[words[1]] = words[2];
                        break;
                    case "odd":
                        odd.Add(line);
                        break;
                }
            }
        }

        await using var host = await Open(_directory["store"], _registry.Host);
        Assert.That(odd, Is.Empty);
        Assert.That((await host.CheckAsync()).Problems, Is.Empty);
        Assert.That(kept, Is.Not.Empty);
        foreach (var (name, digest) in kept)
        {
            Assert.That((await host.Images.FindAsync(name))?.Digest.ToString(), Is.EqualTo(digest), name);
        }

        await host.Images.PruneAsync();
        await host.PruneAsync();
        Assert.That((await host.CheckAsync()).Problems, Is.Empty);
        Assert.That((await host.Container(kept.Keys.First()).WithCommand("/busybox", "true").RunAsync()).ExitStatus.IsSuccess);
        Assert.That(Directory.EnumerateFileSystemEntries(_directory["store/images/.tmp"]), Is.Empty);
        Assert.That(Directory.EnumerateDirectories(_directory["store/containers"]), Is.Empty);
    }

    /// <summary>Works in a store, and reports what lasts.</summary>
    internal static void WorkForAWhile(string[] arguments)
    {
        // No type of this assembly may be needed on another thread, so everything is waited for here: that would wait for the module's
        // initializer, which this runs in.
        var (store, registry, name) = (arguments[0], arguments[1], arguments[2]);
        var random = new Random(int.Parse(arguments[3], System.Globalization.CultureInfo.InvariantCulture));
        var host = Open(store, registry).GetAwaiter().GetResult();
        for (var round = 0; round < Rounds; round++)
        {
            try
            {
                DoOne(host, $"{registry}/app:{random.Next(3)}", $"kept:{name}-{round}", random.Next(6));
            }
            catch (Exception e) when (IsExpected(e))
            {
                Console.WriteLine("other");
            }
            catch (Exception e)
            {
                Console.WriteLine($"odd {name} {e.ToString().ReplaceLineEndings(" ")}");
            }
        }

        host.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    private static void DoOne(ContainerHost host, string app, string name, int what)
    {
        switch (what)
        {
            case 0 or 1:
                var image = host.Images.PullAsync(app).GetAwaiter().GetResult();
                host.Images.TagAsync(image, name).GetAwaiter().GetResult();
                Console.WriteLine($"kept {name} {image.Digest}");
                break;
            case 2 or 3:
                host.Container(app).WithPull(PullPolicy.Missing).WithCommand("/busybox", "true").RunAsync().GetAwaiter().GetResult();
                Console.WriteLine("ran");
                break;
            case 4:
                host.Images.RemoveAsync(app).GetAwaiter().GetResult();
                Console.WriteLine("removed");
                break;
            default:
                host.Images.PruneAsync().GetAwaiter().GetResult();
                host.PruneAsync().GetAwaiter().GetResult();
                var problems = host.CheckAsync().GetAwaiter().GetResult().Problems;
                Console.WriteLine(problems.Count == 0 ? "pruned" : $"odd {name} {string.Join(' ', problems)}");
                break;
        }
    }

    // The image has been removed by another process, is used by one, or goes away between two steps of this one.
    private static bool IsExpected(Exception e) => e is ImageException
        && (e.Message.Contains("There is no image", StringComparison.Ordinal) || e.Message.Contains("a container stands on it", StringComparison.Ordinal)
            || e.Message.Contains("The store has no ", StringComparison.Ordinal));

    private SecondProcess Start(int wave, int number) => new(nameof(WorkForAWhile), _directory["store"], _registry.Host, $"{wave}-{number}", $"{(wave * 10) + number}");

    private static Task<ContainerHost> Open(string store, string registry)
    {
        string[] plain = [registry];
        return ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = store, Registry = new RegistryOptions { AuthFiles = Array.Empty<string>(), PlainHttp = plain } });
    }

    private static byte[] ProgramTar(byte[] program)
    {
        using var tar = new MemoryStream();
        using (var writer = new TarWriter(tar, TarEntryFormat.Ustar, leaveOpen: true))
        {
            writer.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, "busybox")
            {
                DataStream = new MemoryStream(program),
                ModificationTime = DateTimeOffset.UnixEpoch,
                Mode = UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute | UnixFileMode.OtherRead,
            });
        }

        return tar.ToArray();
    }

    /// <summary>A process, and what it has reported so far.</summary>
    private sealed class Worker(SecondProcess process) : IDisposable
    {
        private readonly List<string> _lines = [];
        private bool _isKilled;

        public void WaitForLines(int count)
        {
            while (_lines.Count < count && process.ReadLine() is { } line)
            {
                _lines.Add(line);
            }
        }

        public void Kill()
        {
            _lines.AddRange(process.Kill());
            _isKilled = true;
        }

        public List<string> WaitForAll()
        {
            if (!_isKilled)
            {
                WaitForLines(int.MaxValue);
            }

            return _lines;
        }

        public void Dispose() => process.Dispose();
    }
}
