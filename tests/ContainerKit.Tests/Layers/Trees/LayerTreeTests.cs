using ContainerKit.Layers.Trees;

namespace ContainerKit.Tests.Layers.Trees;

public sealed class LayerTreeTests
{
    private static readonly byte[] Base = new RawTar()
        .Add("etc", '5').Add("etc/motd", content: "hello\n").Add("etc/hosts", content: "localhost\n").Add("lib", '5').Add("lib/so", content: "code").Add("run", '2', link: "var/run").Add("var/run", '5').End().ToArray();

    [Test]
    public void A_whiteout_takes_away_what_lower_layers_have()
    {
        var tree = Trees.Of(Base, new RawTar().Add("etc/.wh.motd").Add(".wh.lib").End().ToArray());

        Assert.That(tree.Find("/etc/motd"), Is.Null);
        Assert.That(tree.Find("/lib"), Is.Null);
        Assert.That(tree.Find("/etc/hosts"), Is.Not.Null);
    }

    [TestCase(true)]
    [TestCase(false)]
    public void A_whiteout_spares_what_its_own_layer_has_wherever_it_stands(bool first)
    {
        var whiteout = new RawTar().Add(".wh.lib").ToArray();
        var files = new RawTar().Add("lib", '5').Add("lib/new", content: "new").ToArray();

        var tree = Trees.Of(Base, [.. first ? whiteout : files, .. first ? files : whiteout, .. new byte[1024]]);

        Assert.That(tree.Find("/lib/new"), Is.Not.Null);
        Assert.That(tree.Find("/lib/so"), Is.Null);
    }

    [TestCase(true)]
    [TestCase(false)]
    public void An_opaque_mark_hides_what_lower_layers_have_in_the_directory(bool first)
    {
        var mark = new RawTar().Add("etc/.wh..wh..opq").ToArray();
        var file = new RawTar().Add("etc/new", content: "new").ToArray();

        var tree = Trees.Of(Base, [.. first ? mark : file, .. first ? file : mark, .. new byte[1024]]);

        Assert.That(tree.Find("/etc")!.Children!.Keys, Is.EqualTo(new[] { "new" }));
    }

    [Test]
    public void Two_names_of_one_file_are_one_node_across_layers()
    {
        var tree = Trees.Of(Base, new RawTar().Add("second", '1', link: "etc/motd").End().ToArray());

        Assert.That(tree.Find("/second"), Is.SameAs(tree.Find("/etc/motd")));
    }

    [Test]
    public void A_file_in_a_symlinked_directory_lies_where_the_link_leads()
    {
        var tree = Trees.Of(Base, new RawTar().Add("run/pid", content: "1").End().ToArray());

        Assert.That(tree.Find("/var/run/pid"), Is.Not.Null);
        Assert.That(tree.Find("/run")!.Metadata.LinkTarget, Is.EqualTo("var/run"));
    }

    [Test]
    public void Links_that_lead_above_the_root_stay_below_it()
    {
        var tree = Trees.Of(new RawTar().Add("out", '2', link: "../../../etc").Add("etc", '5').Add("out/passwd", content: "x").End().ToArray());

        Assert.That(tree.Find("/etc/passwd"), Is.Not.Null);
    }

    [Test]
    public void A_directory_that_is_there_already_gets_another_description_and_keeps_its_content()
    {
        var tree = Trees.Of(Base, new RawTar().Add("etc", '5', patch: header => RawTar.Put(header, 100, "0000700\0")).End().ToArray());

        Assert.That(tree.Find("/etc")!.Metadata.Mode, Is.EqualTo(0x1C0));
        Assert.That(tree.Find("/etc/motd"), Is.Not.Null);
    }

    [Test]
    public void A_directory_that_no_archive_describes_is_root_s_and_of_no_time()
    {
        var directory = Trees.Of(new RawTar().Add("a/b", content: "x").End().ToArray()).Find("/a")!;

        Assert.That((directory.Metadata.Mode, directory.Metadata.ModifiedTime, directory.IsImplied), Is.EqualTo((0x1ED, new UnixTime(0, 0), true)));
    }

    [TestCase("loop/x", '0', "", "never end")]
    [TestCase("etc/motd/x", '0', "", "not a directory")]
    [TestCase("link", '1', "missing", "not there")]
    [TestCase("link", '1', "etc", "is a directory")]
    public void What_no_tree_can_hold_is_refused_by_name(string name, char type, string link, string reason)
    {
        var layer = new RawTar().Add("loop", '2', link: "loop").Add(name, type, link: link).End().ToArray();

        Assert.That(() => Trees.Of(Base, layer), Throws.TypeOf<ImageException>().With.Message.Contains($"/{name}").And.Message.Contains(reason));
    }

    [Test]
    public void The_limit_on_entries_holds_for_all_layers_together()
    {
        var tree = new LayerTree(new LayerLimits { MaxEntries = 10 });

        Assert.That(() => Trees.On(tree, Base, Base), Throws.TypeOf<ImageException>().With.Message.Contains("MaxEntries"));
    }

    [Test]
    public void A_layer_by_itself_may_have_another_name_of_what_lies_below()
    {
        var layer = new RawTar().Add("second", '1', link: "first").End().ToArray();

        var piece = Trees.On(new LayerTree(LayerLimits.Default) { IsPiece = true }, layer);

        Assert.That(piece.Find("/second")!.Metadata.Kind, Is.EqualTo(FileKind.File));
        Assert.That(() => Trees.Of(layer), Throws.TypeOf<ImageException>().With.Message.Contains("/first"));
    }

    [Test]
    public void A_clone_goes_its_own_way()
    {
        var original = Trees.Of(Base);
        var before = RandomLayers.Dump(original);

        Trees.On(original.Clone(), new RawTar().Add(".wh.etc").Add("lib", '5').Add("lib/so", content: "other").End().ToArray());

        Assert.That(RandomLayers.Dump(original), Is.EqualTo(before));
    }

    [Test]
    public void A_storage_driver_s_books_in_an_archive_are_nobody_s_attributes()
    {
        var tree = Trees.Of(new RawTar().Pax(("SCHILY.xattr.trusted.overlay.opaque", "y"), ("SCHILY.xattr.user.note", "n")).Add("etc", '5').End().ToArray());

        Assert.That(tree.Find("/etc")!.Metadata.ExtendedAttributes.Keys, Is.EqualTo(new[] { "user.note" }));
    }
}
