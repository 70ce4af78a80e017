namespace ContainerKit.Tests.Content;

public sealed class DigestTests
{
    private const string Empty512 = "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";
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

    [Test]
    public void A_sha512_has_twice_the_digits_and_is_another_name_for_the_same_content()
    {
        var digest = Digest.Parse("sha512:" + Empty512);

        Assert.That(digest, Is.EqualTo(Digest.FromHash(System.Security.Cryptography.SHA512.HashData([]))));
        Assert.That((digest.Algorithm, digest.Hex, digest.ToString()), Is.EqualTo(("sha512", Empty512, "sha512:" + Empty512)));
        Assert.That(digest, Is.Not.EqualTo(Digest.Of([])));
        Assert.That(Digest.Of([]).Algorithm, Is.EqualTo("sha256"));
    }

    [Test]
    public void A_hash_of_any_other_length_is_none()
    {
        Assert.Throws<ArgumentException>(() => Digest.FromHash(new byte[48]));
    }

    [TestCase("")]
    [TestCase("sha512")]
    [TestCase("sha25:")]
    [TestCase("abcdef")]
    [TestCase("sha512:")]
    [TestCase("sha512:" + Empty512 + "0")]
    [TestCase("sha256:" + Empty512)]
    [TestCase("SHA512:" + Empty512)]
    [TestCase("sha512:CF83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e")]
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
