using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers.Runs;

/// <summary>Kill -9 of a process that runs containers, at any moment of their launches: they end, and nothing of them lasts.</summary>
[TestFixture("overlay")]
[TestFixture("aufs")]
internal sealed class HostDeathTests(string driver) : ContainerFixture
{
    protected override string Driver => driver;

    // The first run makes what stays: the layers of the image, unpacked.
    [OneTimeSetUp]
    public Task RunOnce() => Shell("true").RunAsync();

    [Category("Slow")]
    [Test]
    public async Task Containers_end_with_their_host_and_the_next_one_sweeps_what_they_left([Range(1, 6)] int seed)
    {
        var before = EntriesOfStore();
        using (var host = new SecondProcess(nameof(StartForever), StoreDirectory, driver))
        {
            Assert.That(host.ReadLine(), Is.EqualTo("started"));
            await Task.Delay(new Random(seed).Next(0, 200));
            host.Kill();
        }

        // Their command lines name the store.
        Assert.That(() => Support.Shell.Try("pgrep", "-f", StoreDirectory).Output, Is.Empty.After(10_000, 50));
        await using var next = await OpenHost();
        Assert.That(EntriesOfStore(), Is.EqualTo(before));
        Assert.That(await File.ReadAllTextAsync("/proc/self/mountinfo"), Does.Not.Contain(StoreDirectory));
    }

    [Test]
    public async Task Half_made_containers_are_swept_whatever_was_written_of_them()
    {
        await using var named = await Host.Container(Tools).WithName("whole").CreateAsync();
        var record = await File.ReadAllTextAsync($"{StoreDirectory}/containers/{named.Id}/container.json");
        HalfMake("none", "");
        HalfMake("some", record[..100]);
        HalfMake("all-but-the-publishing", record);

        await using var next = await OpenHost();

        Assert.That(Directory.GetDirectories($"{StoreDirectory}/containers").Select(Path.GetFileName), Is.EqualTo(new[] { named.Id }));
        await (await next.FindContainerAsync("whole"))!.RemoveAsync();
    }

    /// <summary>Starts one container after the other, and reports the first.</summary>
    internal static void StartForever(string[] arguments)
    {
        var host = ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = arguments[0], StorageDriver = arguments[1] }).GetAwaiter().GetResult();
        while (true)
        {
            _ = host.Container("tools:1").WithCommand("sh", "-c", $"sleep 1000; : {arguments[0]}").StartAsync().GetAwaiter().GetResult();
            Console.WriteLine("started");
        }
    }

    private void HalfMake(string id, string record)
    {
        Directory.CreateDirectory($"{StoreDirectory}/containers/.{id}");
        File.WriteAllText($"{StoreDirectory}/containers/.{id}/container.json", record);
    }

    private string[] EntriesOfStore() =>
        [.. Directory.GetFileSystemEntries($"{StoreDirectory}/containers").Order(), .. Directory.GetFileSystemEntries($"{StoreDirectory}/snapshots/{Host.StorageDriver}").Order()];
}
