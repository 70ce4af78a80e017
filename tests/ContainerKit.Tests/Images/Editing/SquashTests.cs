using ContainerKit.Tests.Layers;

namespace ContainerKit.Tests.Images.Editing;

public sealed class SquashTests : EditFixture
{
    [Test]
    public async Task One_layer_shows_the_tree_that_all_showed()
    {
        var squashed = await Images.SquashAsync(App, "squashed:1");

        Assert.That(squashed.Layers, Has.Count.EqualTo(1));
        Assert.That(Tree(squashed), Is.EqualTo(Tree(App)));
    }

    [Test]
    public async Task The_layers_of_a_base_that_is_kept_stay_as_they_are()
    {
        var more = await Images.AppendAsync(App, Store.Write("more.tar", new RawTar().Add(".wh.app").Add("etc/hosts", content: "again\n").End().ToArray()), "more:1");

        var squashed = await Images.SquashAsync(more, "squashed:1", keep: Base);

        Assert.That(squashed.Layers.SkipLast(1).Select(layer => layer.Descriptor), Is.EqualTo(Base.Layers.Select(layer => layer.Descriptor)));
        Assert.That(squashed.Layers, Has.Count.EqualTo(3));
        Assert.That(Tree(squashed), Is.EqualTo(Tree(more)));
        Assert.That(await Paths(squashed.Layers[2]), Is.EqualTo(new[] { "/etc", "/etc/hosts", "/etc/motd" }));
    }

    [Test]
    public async Task The_same_tree_gives_the_same_layer_whatever_it_was_made_of()
    {
        var once = await ImageOf("once:1", new RawTar().Add("b", content: "2").Add("a", content: "1").End().ToArray());
        var twice = await ImageOf("twice:1", new RawTar().Add("a", content: "1").Add("b", content: "0").End().ToArray(), new RawTar().Add("b", content: "2").End().ToArray());

        Assert.That((await Images.SquashAsync(twice, "t:1")).Layers[0].DiffId, Is.EqualTo((await Images.SquashAsync(once, "o:1")).Layers[0].DiffId));
    }

    [Test]
    public async Task Config_stays_and_history_tells_the_same_steps_and_one_layer()
    {
        var app = WithDocuments(App, config: text => text.Replace("\"config\":{}", "\"config\":{\"Cmd\":[\"/app\"],\"Healthcheck\":{\"Test\":[\"NONE\"]}}", StringComparison.Ordinal));

        var squashed = await Images.SquashAsync(app, "squashed:1");

        Assert.That(squashed.Config.Command, Is.EqualTo(new[] { "/app" }));
        Assert.That(Text(squashed.ConfigDescriptor), Does.Contain("Healthcheck"));
        Assert.That(squashed.Config.History.Select(step => step.CreatedBy), Is.EqualTo(new[] { "ContainerKit import", "append", "append", "squash" }));
        Assert.That(squashed.Config.History.Count(step => !step.IsEmptyLayer), Is.EqualTo(1));
    }

    [Test]
    public async Task A_time_that_is_given_is_the_latest_of_image_and_files()
    {
        var noon = new DateTimeOffset(2020, 1, 1, 12, 0, 0, TimeSpan.Zero);
        var image = await ImageOf("times:1", new RawTar().Pax(("mtime", "1700000000.5")).Add("new").Pax(("mtime", "1000.25")).Add("old").End().ToArray());

        var squashed = await Images.SquashAsync(image, "squashed:1", options: new ImageEditOptions { Timestamp = noon, Compression = LayerCompression.None });

        var times = new Dictionary<string, UnixTime>();
        await foreach (var entry in squashed.Layers[0].EntriesAsync())
        {
            times.Add(entry.Path, entry.Metadata.ModifiedTime);
        }

        Assert.That(times["/new"], Is.EqualTo(UnixTime.From(noon)));
        Assert.That(times["/old"], Is.EqualTo(new UnixTime(1000, 250_000_000)));
        Assert.That(squashed.Config.Created, Is.EqualTo(noon));
        Assert.That(squashed.Layers[0].Descriptor.Digest, Is.EqualTo(squashed.Layers[0].DiffId));
    }

    [Test]
    public async Task Nothing_is_left_beside_the_blobs()
    {
        await Images.SquashAsync(App, "squashed:1");

        Assert.That(Store.Files().Where(file => file.StartsWith(".tmp", StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public async Task A_base_that_the_image_does_not_stand_on_is_named()
    {
        var other = await ImageOf("other:1", Middle);

        Assert.That(
            () => Images.SquashAsync(App, "squashed:1", keep: other),
            Throws.TypeOf<ImageException>().With.Message.EqualTo("Cannot squash 'app:1': It does not stand on 'other:1': its lowest layers are others."));
    }

    [Test]
    public async Task A_layer_that_was_damaged_on_disk_is_not_squashed()
    {
        var path = Store.Catalog.Blobs.PathOf(App.Layers[1].Descriptor.Digest);
        File.WriteAllBytes(path, [.. File.ReadAllBytes(path).Reverse()]);

        Assert.That(() => Images.SquashAsync(App, "squashed:1"), Throws.TypeOf<ImageException>());
        Assert.That(await Images.FindAsync("squashed:1"), Is.Null);
    }

    private static async Task<List<string>> Paths(Layer layer)
    {
        var paths = new List<string>();
        await foreach (var entry in layer.EntriesAsync())
        {
            paths.Add(entry.Path);
        }

        return paths;
    }
}
