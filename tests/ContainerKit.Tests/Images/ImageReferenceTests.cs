namespace ContainerKit.Tests.Images;

public sealed class ImageReferenceTests
{
    private const string Hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    [TestCase("debian", "docker.io/library/debian:latest", "debian:latest")]
    [TestCase("debian:12", "docker.io/library/debian:12", "debian:12")]
    [TestCase("docker.io/debian:12", "docker.io/library/debian:12", "debian:12")]
    [TestCase("docker.io/library/debian:12", "docker.io/library/debian:12", "debian:12")]
    [TestCase("index.docker.io/library/debian:12", "docker.io/library/debian:12", "debian:12")]
    [TestCase("library/debian:12", "docker.io/library/debian:12", "debian:12")]
    [TestCase("team/app", "docker.io/team/app:latest", "team/app:latest")]
    [TestCase("registry.example/app:1.2", "registry.example/app:1.2", "registry.example/app:1.2")]
    [TestCase("localhost/app", "localhost/app:latest", "localhost/app:latest")]
    [TestCase("localhost:5000/team/app:1", "localhost:5000/team/app:1", "localhost:5000/team/app:1")]
    [TestCase("[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest")]
    [TestCase("UPPER/app", "UPPER/app:latest", "UPPER/app:latest")]
    [TestCase("a/b/c/d", "docker.io/a/b/c/d:latest", "a/b/c/d:latest")]
    [TestCase("a__b-c.d_e--f", "docker.io/library/a__b-c.d_e--f:latest", "a__b-c.d_e--f:latest")]
    [TestCase("library/team/app:1", "docker.io/library/team/app:1", "library/team/app:1")]
    [TestCase("debian@sha256:" + Hex, "docker.io/library/debian@sha256:" + Hex, "debian@sha256:" + Hex)]
    [TestCase("debian:12@sha256:" + Hex, "docker.io/library/debian:12@sha256:" + Hex, "debian:12@sha256:" + Hex)]
    [TestCase("sha256:" + Hex, "sha256:" + Hex, "sha256:" + Hex)]
    public void Names_are_normalised_as_docker_does(string text, string canonical, string familiar)
    {
        var reference = ImageReference.Parse(text);

        Assert.That((reference.Canonical, reference.ToString()), Is.EqualTo((canonical, familiar)));
    }

    [Test]
    public void The_parts_can_be_had()
    {
        var reference = ImageReference.Parse("localhost:5000/team/app:1@sha256:" + Hex);

        Assert.That(
            (reference.Registry, reference.Repository, reference.Tag, reference.Digest.ToString(), reference.HasName),
            Is.EqualTo(("localhost:5000", "team/app", "1", "sha256:" + Hex, true)));
    }

    [TestCase("")]
    [TestCase(" ")]
    [TestCase("Debian")]
    [TestCase("debian:")]
    [TestCase(":12")]
    [TestCase("debian:-x")]
    [TestCase("debian:a b")]
    [TestCase("debian@")]
    [TestCase("debian@sha256:abc")]
    [TestCase("debian@sha512:" + Hex)]
    [TestCase("/debian")]
    [TestCase("debian/")]
    [TestCase("a//b")]
    [TestCase("a/../b")]
    [TestCase("a..b")]
    [TestCase("a___b")]
    [TestCase("-a")]
    [TestCase("a-")]
    [TestCase("debian\n")]
    [TestCase("debian:12\n")]
    [TestCase("débian")]
    [TestCase("registry.example:port/app")]
    [TestCase("-registry.example/app")]
    [TestCase("https://registry.example/app")]
    [TestCase(Hex)]
    public void Everything_else_is_refused(string text)
    {
        Assert.That(ImageReference.TryParse(text, out _), Is.False);
        Assert.That(() => ImageReference.Parse(text), Throws.TypeOf<FormatException>());
    }

    [TestCase(254, true)]
    [TestCase(256, false)]
    public void A_name_has_255_characters_at_most(int length, bool isValid)
    {
        Assert.That(ImageReference.TryParse("r.example/" + new string('a', length - 10), out _), Is.EqualTo(isValid));
    }

    [TestCase(128, true)]
    [TestCase(129, false)]
    public void A_tag_has_128_characters_at_most(int length, bool isValid)
    {
        Assert.That(ImageReference.TryParse("a:" + new string('t', length), out _), Is.EqualTo(isValid));
    }

    // The first was found by fuzzing.
    [TestCase("docker.io/library/" + Hex)]
    [TestCase("docker.io/localhost/app")]
    [TestCase("docker.io/registry.example/app")]
    public void A_name_that_would_mean_another_without_its_registry_keeps_it(string text) =>
        Assert.That(ImageReference.Parse(text).ToString(), Is.EqualTo(text + ":latest"));

    [Test]
    public void Both_spellings_of_any_name_mean_the_same([Range(1, 4)] int seed)
    {
        var random = new Random(seed);
        var names = Enumerable.Range(0, 20_000)
            .Select(_ => new string([.. Enumerable.Range(0, random.Next(1, 24)).Select(_ => "ab1:/.-_@Zlocalhost"[random.Next(19)])]))
            .Select(text => ImageReference.TryParse(text, out var reference) ? reference : null)
            .OfType<ImageReference>()
            .ToList();

        Assert.That(names, Has.Count.GreaterThan(100));
        Assert.That(names.Select(name => ImageReference.Parse(name.ToString())), Is.EqualTo(names));
        Assert.That(names.Select(name => ImageReference.Parse(name.Canonical)), Is.EqualTo(names));
    }
}
