using ContainerKit.Tests.Support;
using FsCheck;
using FsCheck.Fluent;

namespace ContainerKit.Tests.Images;

/// <summary>Whatever is written where a name should be, it is no name, or one that stays the same when it is written down and read again.</summary>
public sealed class ImageReferenceFuzzTests
{
    private const int Many = 3000;

    private static readonly Gen<string> Names = Gen.OneOf(Properties.AnyText, Properties.TextOf(
        "a", "b-c", "library/", "docker.io/", "index.docker.io/", "localhost", "registry.example", ":5000", ":", "/", "@", "..", ".", "_", "__", "-", "A", "[::1]", "%2e",
        "sha256:", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "latest", "\n", "\0", " ", "é", "?", "#"));

    [Test]
    public void A_name_is_read_as_it_was_written() => Properties.Hold(Names, Many, text =>
    {
        if (ImageReference.TryParse(text, out var reference))
        {
            Assert.That(ImageReference.Parse(reference.ToString()), Is.EqualTo(reference));
            Assert.That(ImageReference.Parse(reference.Canonical), Is.EqualTo(reference));
        }
    });

    [Test]
    public void A_name_never_leads_elsewhere_in_a_url() => Properties.Hold(Names, Many, text =>
    {
        if (ImageReference.TryParse(text, out var reference) && reference.HasName)
        {
            var path = $"/v2/{reference.Repository}/manifests/{reference.Tag ?? reference.Digest.ToString()}";
            Assert.That(new Uri(new Uri("https://registry.example/"), path).AbsolutePath, Is.EqualTo(path));
        }
    });

    [Test]
    public void What_is_no_name_is_said_to_be_none() => Properties.Hold(Names, Many, text =>
        Tolerate.Only<FormatException>(() => ImageReference.Parse(text)));

    [Test]
    public void A_digest_has_one_spelling() => Properties.Hold(Names, Many, text =>
    {
        if (Digest.TryParse(text, out var digest))
        {
            Assert.That(digest.ToString(), Is.EqualTo(text));
        }
    });
}
