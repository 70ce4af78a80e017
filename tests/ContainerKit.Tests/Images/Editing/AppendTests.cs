using ContainerKit.Images;
using ContainerKit.Tests.Layers;

namespace ContainerKit.Tests.Images.Editing;

/// <summary>What a further layer may be depends on what it is put on.</summary>
public sealed class AppendTests : EditFixture
{
    [Test]
    public async Task A_hard_link_may_lead_to_what_a_lower_layer_has()
    {
        var image = await AppendAsync(new RawTar().Add("again", '1', link: "lib/so"));

        Assert.That(Tree(image), Has.Some.StartsWith("/again "));
    }

    [Test]
    public void A_hard_link_to_what_no_layer_has_is_refused() => Refused(new RawTar().Add("again", '1', link: "lib/gone"), "which is not there");

    [Test]
    public void A_hard_link_to_what_a_lower_layer_took_away_is_refused() => Refused(new RawTar().Add("again", '1', link: "etc/hosts"), "which is not there");

    [Test]
    public void A_file_below_a_lower_file_is_refused() => Refused(new RawTar().Add("app/below"), "'/app' is not a directory");

    [Test]
    public void An_image_whose_config_lies_about_its_layers_takes_no_further_one()
    {
        var catalog = Store.Catalog;
        using var lease = catalog.Lease(CancellationToken.None);
        var lying = new StoredLayer(catalog.Blobs.Add(Lower, MediaTypes.Layer), Digest.Of(Middle));
        var liar = catalog.CreateImage(lease, new ImageConfig(), [lying], ImageReference.Parse("liar:1"), CancellationToken.None);

        Assert.That(
            () => Images.AppendAsync(liar, Store.Write("new.tar", new RawTar().Add("a").End().ToArray()), "new:1"),
            Throws.TypeOf<ImageException>().With.Message.Contains("damaged").And.Message.Contains(Digest.Of(Middle).ToString()));
    }

    [Test]
    public void Squash_and_recompression_notice_it_too()
    {
        var catalog = Store.Catalog;
        using var lease = catalog.Lease(CancellationToken.None);
        var lying = new StoredLayer(catalog.Blobs.Add(Lower, MediaTypes.Layer), Digest.Of(Middle));
        var liar = catalog.CreateImage(lease, new ImageConfig(), [lying], ImageReference.Parse("liar:1"), CancellationToken.None);

        Assert.That(() => Images.SquashAsync(liar, "new:1"), Throws.TypeOf<ImageException>().With.Message.Contains("damaged"));
        Assert.That(
            () => Images.ConvertAsync(liar, "new:1", new ImageConversion { Compression = LayerCompression.Zstd }),
            Throws.TypeOf<ImageException>().With.Message.Contains("damaged"));
    }

    private Task<Image> AppendAsync(RawTar tar) => Images.AppendAsync(App, Store.Write("new.tar", tar.End().ToArray()), "new:1");

    private void Refused(RawTar tar, string because)
    {
        var before = Store.Files();

        Assert.That(() => AppendAsync(tar), Throws.TypeOf<ImageException>().With.Message.Contains(because));
        Assert.That(Store.Files(), Is.EqualTo(before));
    }
}
