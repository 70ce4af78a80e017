namespace ContainerKit.Tests.Layers.Trees;

public sealed class LayerDifferenceTests
{
    [Test]
    public void The_difference_of_two_trees_makes_one_of_the_other([Range(1, 300)] int seed)
    {
        var random = new Random(seed);
        var (before, after) = (Trees.Of(RandomLayers.Make(random, withWhiteouts: false)), Trees.Of(RandomLayers.Make(random, withWhiteouts: false)));

        var made = Trees.On(before.Clone(), Trees.Difference(before, after));

        Assert.That(RandomLayers.Dump(made).Skip(1), Is.EqualTo(RandomLayers.Dump(after).Skip(1)));
    }

    [Test]
    public void The_difference_between_layers_and_more_layers_makes_the_same_tree([Range(1, 300)] int seed)
    {
        var random = new Random(-seed);
        var lower = RandomLayers.Make(random, withWhiteouts: false);
        var before = Trees.Of(lower);
        var after = Trees.On(before.Clone(), RandomLayers.Make(random, withWhiteouts: true), RandomLayers.Make(random, withWhiteouts: true));

        Assert.That(RandomLayers.Dump(Trees.On(Trees.Of(lower), Trees.Difference(before, after))), Is.EqualTo(RandomLayers.Dump(after)));
        Assert.That(RandomLayers.Dump(Trees.Of(Trees.Difference(null, after))).Skip(1), Is.EqualTo(RandomLayers.Dump(after).Skip(1)));
    }

    [Test]
    public void Trees_that_are_the_same_differ_by_nothing([Range(1, 30)] int seed)
    {
        var layer = RandomLayers.Make(new Random(seed), withWhiteouts: false);

        Assert.That(Trees.Difference(Trees.Of(layer), Trees.Of(layer)), Is.EqualTo(new byte[1024]));
    }

    [Test]
    public void A_tree_gives_the_same_layer_whatever_layers_it_was_made_of()
    {
        var once = Trees.Of(new RawTar().Add("b", content: "2").Add("a", '5').Add("a/x", content: "1").Add("c", '1', link: "a/x").End().ToArray());
        var twice = Trees.Of(
            new RawTar().Add("c", content: "1").Add("gone", content: "3").Add("a", '5').Add("b", content: "0").End().ToArray(),
            new RawTar().Add("a/x", '1', link: "c").Add(".wh.gone").Add("b", content: "2").End().ToArray());

        Assert.That(Trees.Difference(null, twice), Is.EqualTo(Trees.Difference(null, once)));
    }

    [Test]
    public void A_link_that_is_no_longer_one_is_written_although_its_content_is_the_same()
    {
        var before = Trees.Of(new RawTar().Add("a", content: "1").Add("b", '1', link: "a").End().ToArray());
        var after = Trees.Of(new RawTar().Add("a", content: "1").Add("b", content: "1").End().ToArray());

        Assert.That(Reading.Entries(Trees.Difference(before, after)).Select(entry => (entry.Path, entry.Kind)), Is.EqualTo(new[] { ("/a", LayerEntryKind.Object), ("/b", LayerEntryKind.Object) }));
    }
}
