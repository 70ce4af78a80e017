namespace ContainerKit.Tests.Content;

public sealed class DigestTests
{
    private const string Empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    [Test]
    public void The_empty_content_has_the_digest_that_everyone_knows()
    {
        Assert.That(Digest.Of([]).ToString(), Is.EqualTo(Empty));
    }

    [Test]
    public void The_canonical_spelling_parses()
    {
        Assert.That(Digest.Parse(Empty), Is.EqualTo(Digest.Of([])));
    }

    [TestCase("")]
    [TestCase("sha256:")]
    [TestCase("SHA256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [TestCase("sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855")]
    [TestCase("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85")]
    [TestCase("sha256:../../../../../../../../../../../../../../../../../../etc/passwd")]
    [TestCase("sha512:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    public void Every_other_spelling_is_refused(string text)
    {
        Assert.That(Digest.TryParse(text, out _), Is.False);
    }
}
