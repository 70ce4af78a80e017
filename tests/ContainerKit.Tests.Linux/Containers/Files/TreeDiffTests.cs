using ContainerKit.Images.Editing;
using ContainerKit.Layers;
using ContainerKit.Layers.Trees;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers.Files;

/// <summary>Trees compared without unpacking them, with each other and with what is on disk.</summary>
internal sealed class TreeDiffTests : ContainerFixture
{
    protected override bool RunsContainers => false;

    [Test]
    public async Task A_container_differs_from_its_image_by_what_it_says_itself()
    {
        await using var container = await Changed();

        var changes = await Between(Tools, container);

        Assert.That(changes.Select(Line), Is.EqualTo(await Diff(container)));
        Assert.That(changes.Select(Line), Is.SupersetOf((string[])["C /etc", "D /etc/group", "C /etc/motd", "A /etc/new", "C /etc/passwd", "A /etc/pipe"]));
    }

    [Test]
    public async Task A_container_and_the_image_that_was_made_of_it_are_the_same()
    {
        await using var container = await Changed();
        var image = await container.CommitAsync("changed:1");

        Assert.That(await Between(container, image), Is.Empty);
        Assert.That(await Between(image, container), Is.Empty);
        Assert.That((await Between(Tools, image)).Select(Line), Is.EqualTo(await Diff(container)));
    }

    [Test]
    public async Task Two_forks_are_compared_with_each_other()
    {
        await using var first = await Changed();
        await using var second = await first.ForkAsync();
        await second.Files.WriteAllTextAsync("/etc/motd", "second\n");
        await first.Files.WriteAllTextAsync("/etc/motd", "first!\n");

        var changes = (await Between(first, second)).Where(change => change.Path == "/etc/motd").ToList();

        Assert.That(changes.Single().Before!.Digest, Is.EqualTo(Digest.Of("first!\n"u8)));
        Assert.That(changes.Single().After!.Digest, Is.EqualTo(Digest.Of("second\n"u8)));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task Contents_of_both_sides_are_had_for_the_asking(bool ofContainerAlone)
    {
        await using var container = await Changed();
        var changes = ofContainerAlone ? await container.DiffAsync().ToListAsync() : await Between(Tools, container);
        var motd = changes.Single(change => change.Path == "/etc/motd");

        Assert.That(await Text(motd.OpenBeforeAsync()), Is.EqualTo("hello from below\n"));
        Assert.That(await Text(motd.OpenAfterAsync()), Is.EqualTo("changed\n"));
        Assert.That(() => changes.Single(change => change.Path == "/etc").OpenAfterAsync(), Throws.InvalidOperationException);
    }

    [Test]
    public async Task A_layer_alone_is_a_tree_of_its_own_files()
    {
        await using var container = await Changed();
        var image = await container.CommitAsync("changed:1");

        var changes = await Between((await Host.BuildFromScratch().BuildAsync("empty:1")), image.Layers[^1]);

        Assert.That(changes.Select(Line), Is.SupersetOf((string[])["A /etc/motd", "A /etc/new"]));
        Assert.That(changes.Select(change => change.Path), Has.No.Member("/etc/group").And.No.Member("/bin"));
    }

    [Test]
    public async Task Random_layers_make_the_tree_in_memory_that_they_make_on_disk([Range(1, 40)] int seed)
    {
        var random = new Random(seed);
        using var directory = new TemporaryDirectory();
        File.WriteAllBytes(directory["0"], RandomLayers.Make(random, withWhiteouts: false));
        var image = await Host.Images.ImportAsync(directory["0"], $"random:{seed}");
        var lower = image;
        for (var i = 0; i < 3; i++)
        {
            File.WriteAllBytes(directory["1"], RandomLayers.Make(random, withWhiteouts: true));
            image = await Host.Images.AppendAsync(image, directory["1"], $"random:{seed}");
        }

        var squashed = await Host.Images.SquashAsync(image, $"squashed:{seed}");
        var upper = await Host.Images.SquashAsync(image, $"upper:{seed}", keep: lower);

        var onDisk = await OnDisk(image);
        Assert.That(InMemory(image), Is.EqualTo(onDisk));
        Assert.That(await OnDisk(squashed), Is.EqualTo(onDisk));
        Assert.That(await OnDisk(upper), Is.EqualTo(onDisk));
    }

    private async Task<Container> Changed()
    {
        var container = await Host.Container(Tools).CreateAsync();
        await container.Files.WriteAllTextAsync("/etc/motd", "changed\n");
        await container.Files.WriteAllTextAsync("/etc/new", "new");
        await container.Files.CreateHardLinkAsync("/etc/second", "/etc/new");
        await container.Files.SetModeAsync("/etc/passwd", 0x180);
        await container.Files.DeleteAsync("/etc/group");
        await container.Files.CreateSymbolicLinkAsync("/etc/pipe", "nowhere");
        return container;
    }

    private async Task<List<FileChange>> Between(IFileTree before, IFileTree after) => await Host.DiffAsync(before, after).ToListAsync();

    private static string Line(FileChange change) => $"{change.Kind.ToString()[0]} {change.Path}";

    private static async Task<string> Text(Task<Stream> opening)
    {
        using var reader = new StreamReader(await opening);
        return await reader.ReadToEndAsync();
    }

    private async Task<string[]> OnDisk(Image image)
    {
        await using var container = await Host.Container(image).WithCommand("none").CreateAsync();
        using var archive = new MemoryStream();
        await container.Files.CopyOutTarAsync("/", archive);
        archive.Position = 0;
        var tree = new LayerTree(LayerLimits.Default);
        using var reader = new LayerReader(archive);
        tree.BeginLayer();
        while (reader.MoveNext())
        {
            var entry = reader.Current;
            tree.Apply(entry, entry is { Kind: LayerEntryKind.Object, Metadata: { Kind: FileKind.File, Size: > 0 } } ? new Hashed { Digest = TreeReader.Hash(reader.Content, default) } : null);
        }

        return Lines(tree);
    }

    private static string[] InMemory(Image image)
    {
        var tree = new LayerTree(LayerLimits.Default);
        TreeReader.Apply(tree, image.Layers, hashes: true, CancellationToken.None);
        return Lines(tree);
    }

    // A container has mount points besides.
    private static string[] Lines(LayerTree tree) => [.. RandomLayers.Dump(tree).Where(line => line[1] is 'a' or 'b' or 'c')];

    private sealed class Hashed : FileContent
    {
        public override Task<Stream> OpenAsync(CancellationToken cancellationToken) => throw new InvalidOperationException("Only the digest is known.");
    }
}
