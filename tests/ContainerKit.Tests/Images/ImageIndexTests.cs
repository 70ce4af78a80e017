using System.Text;
using ContainerKit.Images;

namespace ContainerKit.Tests.Images;

public sealed class ImageIndexTests
{
    private static readonly Descriptor A = Of("a"), B = Of("b");
    private static readonly ImageReference Name = ImageReference.Parse("name:1"), Other = ImageReference.Parse("other:1");

    [Test]
    public void A_named_image_is_found_by_its_name()
    {
        var index = Reread(ImageIndex.Empty.With(A, Platform.LinuxAmd64, Name));

        Assert.That(index.Find(Name), Has.Property("Target").EqualTo(A).And.Property("Platform").EqualTo(Platform.LinuxAmd64));
        Assert.That(index.Find(Name)!.Descriptor.Annotations["org.opencontainers.image.ref.name"], Is.EqualTo("name:1"));
    }

    [Test]
    public void A_name_that_moves_leaves_the_image_without_one()
    {
        var index = Reread(ImageIndex.Empty.With(A, Platform.LinuxAmd64, Name).With(B, Platform.LinuxAmd64, Name));

        Assert.That(Describe(index), Is.EqualTo(new[] { (A.Digest, ImageReference.Nameless(A.Digest)), (B.Digest, Name) }));
    }

    [Test]
    public void A_name_that_moves_is_just_gone_where_there_is_another()
    {
        var index = Reread(ImageIndex.Empty.With(A, Platform.LinuxAmd64, Name).With(A, Platform.LinuxAmd64, Other).With(B, Platform.LinuxAmd64, Name));

        Assert.That(Describe(index), Is.EqualTo(new[] { (A.Digest, Other), (B.Digest, Name) }));
    }

    [Test]
    public void A_nameless_image_that_gets_a_name_is_listed_once()
    {
        var index = Reread(ImageIndex.Empty.With(A, Platform.LinuxAmd64, null).With(A, Platform.LinuxAmd64, Name));

        Assert.That(Describe(index), Is.EqualTo(new[] { (A.Digest, Name) }));
    }

    [Test]
    public void Adding_what_is_there_changes_nothing()
    {
        var index = ImageIndex.Empty.With(A, Platform.LinuxAmd64, Name);

        Assert.That(index.With(A, Platform.LinuxAmd64, Name), Is.SameAs(index));
        Assert.That(index.With(A, Platform.LinuxAmd64, null), Is.SameAs(index));
    }

    [Test]
    public void Unknown_fields_survive_a_change()
    {
        var json = """{"schemaVersion":2,"manifests":[],"annotations":{"kept":"yes"},"x":5}""";

        var changed = ImageIndex.Parse(Encoding.UTF8.GetBytes(json), MediaTypes.Index, "index").With(A, Platform.LinuxAmd64, Name);

        Assert.That(Encoding.UTF8.GetString(changed.ToJson()), Does.Contain("\"kept\": \"yes\"").And.Contain("\"x\": 5"));
    }

    private static Descriptor Of(string content) => new(MediaTypes.Manifest, Digest.Of(Encoding.UTF8.GetBytes(content)), 10);

    private static ImageIndex Reread(ImageIndex index) => ImageIndex.Parse(index.ToJson(), MediaTypes.Index, "index");

    private static IEnumerable<(Digest, ImageReference)> Describe(ImageIndex index) => index.Entries.Select(entry => (entry.Descriptor.Digest, entry.Reference));
}
