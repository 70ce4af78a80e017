using ContainerKit.Images;
using ContainerKit.Tests.Layers;

namespace ContainerKit.Tests.Images.Editing;

public sealed class RebaseTests : EditFixture
{
    private Image _newBase = null!;

    [SetUp]
    public async Task MakeNewBase() =>
        _newBase = await ImageOf("base:2", Lower, Middle, new RawTar().Add("lib/so", content: "better code").End().ToArray());

    [Test]
    public async Task The_upper_layers_lie_on_the_new_base_with_their_digests()
    {
        var rebased = await Images.RebaseAsync(App, Base, _newBase, "app:2");

        Assert.That(rebased.Layers.Select(layer => layer.Descriptor), Is.EqualTo(_newBase.Layers.Append(App.Layers[2]).Select(layer => layer.Descriptor)));
        Assert.That(Tree(rebased), Has.Some.Contains($"/lib/so File 644 0:0 11").And.Some.Contains("/app").And.None.Contains("/etc/hosts"));
    }

    [Test]
    public async Task Config_and_annotations_are_the_image_s_and_history_is_of_both()
    {
        var app = WithDocuments(
            App,
            config: text => text.Replace("\"config\":{}", "\"config\":{\"Cmd\":[\"/app\"]}", StringComparison.Ordinal),
            manifest: text => text[..^1] + ",\"annotations\":{\"org.example\":\"kept\"}}");

        var rebased = await Images.RebaseAsync(app, Base, _newBase, "app:2");

        Assert.That(rebased.Config.Command, Is.EqualTo(new[] { "/app" }));
        Assert.That(rebased.Annotations["org.example"], Is.EqualTo("kept"));
        Assert.That(rebased.Config.History, Is.EqualTo(_newBase.Config.History.Append(app.Config.History[^1])));
    }

    [Test]
    public async Task Back_on_its_old_base_it_is_the_image_that_it_was()
    {
        var rebased = await Images.RebaseAsync(App, Base, _newBase, "app:2");

        Assert.That((await Images.RebaseAsync(rebased, _newBase, Base, "app:3")).Digest, Is.EqualTo(App.Digest));
    }

    [Test]
    public async Task Steps_of_a_base_that_tells_none_are_not_taken_from_the_image()
    {
        var silent = WithDocuments(_newBase, config: text => text.Remove(text.IndexOf(",\"history\"", StringComparison.Ordinal)) + "}");

        var rebased = await Images.RebaseAsync(App, Base, silent, "app:2");

        Assert.That(rebased.Config.History, Has.Count.EqualTo(4));
        Assert.That(rebased.Config.History[^1].CreatedBy, Is.EqualTo("append"));
    }

    [Test]
    public void An_image_that_stands_on_something_else_is_refused() => Assert.That(
        () => Images.RebaseAsync(App, _newBase, Base, "app:2"),
        Throws.TypeOf<ImageException>().With.Message.Contains("does not stand on 'base:2'"));

    [Test]
    public void A_base_for_another_platform_is_refused()
    {
        var foreign = WithDocuments(_newBase, config: text => text.Replace($"\"{_newBase.Config.Platform.Architecture}\"", "\"riscv64\"", StringComparison.Ordinal));

        Assert.That(() => Images.RebaseAsync(App, Base, foreign, "app:2"), Throws.TypeOf<ImageException>().With.Message.Contains("riscv64"));
    }

    [Test]
    public async Task A_tar_that_is_appended_is_the_layer_byte_for_byte()
    {
        Assert.That(App.Layers[2].DiffId, Is.EqualTo(Digest.Of(Upper)));
        var compressed = Samples.Compress(Upper, ContainerKit.Layers.CompressionKind.Zstd);

        var image = await Images.AppendAsync(Base, Store.Write("upper.tar.zst", compressed), "app:2");

        Assert.That(image.Layers[2].Descriptor, Is.EqualTo(new Descriptor(MediaTypes.LayerZstd, Digest.Of(compressed), compressed.Length)));
    }

    [Test]
    public void What_is_no_tar_is_not_appended() =>
        Assert.That(() => Images.AppendAsync(Base, Store.Write("text", "no archive, but longer than a block of tar: "u8.ToArray()), "app:2"), Throws.TypeOf<ImageException>());
}
