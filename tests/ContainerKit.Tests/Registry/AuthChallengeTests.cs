using ContainerKit.Registry;

namespace ContainerKit.Tests.Registry;

public sealed class AuthChallengeTests
{
    [Test]
    public void A_token_service_is_read_with_commas_inside_quotes()
    {
        var challenge = Challenge.ParseAll("Bearer realm=\"https://auth.example/token\",service=\"registry.example\",scope=\"repository:a/b:pull,push\"").Single();

        Assert.Multiple(() =>
        {
            Assert.That(challenge.IsBearer);
            Assert.That(challenge.Find("realm"), Is.EqualTo("https://auth.example/token"));
            Assert.That(challenge.Find("service"), Is.EqualTo("registry.example"));
            Assert.That(challenge.Find("scope"), Is.EqualTo("repository:a/b:pull,push"));
        });
    }

    [TestCase("Basic realm=\"x\", Bearer realm=\"https://a\"", "Basic|Bearer")]
    [TestCase("Negotiate, Basic realm=x", "Negotiate|Basic")]
    [TestCase("bearer Realm = \"a\\\"b\" , service=c", "bearer")]
    [TestCase("Basic", "Basic")]
    [TestCase("", "")]
    [TestCase("=,=\"", "")]
    [TestCase("Bearer realm=\"unfinished", "Bearer")]
    public void Several_challenges_in_one_header_are_told_apart(string header, string schemes) =>
        Assert.That(string.Join('|', Challenge.ParseAll(header).Select(challenge => challenge.Scheme)), Is.EqualTo(schemes));

    [Test]
    public void A_quoted_quote_belongs_to_the_value() =>
        Assert.That(Challenge.ParseAll("Bearer realm=\"a\\\"b\"").Single().Find("REALM"), Is.EqualTo("a\"b"));

    [Test]
    public void A_token_is_preferred_to_a_password()
    {
        using var response = new HttpResponseMessage();
        response.Headers.TryAddWithoutValidation("WWW-Authenticate", ["Basic realm=\"x\"", "Bearer realm=\"https://a\""]);

        Assert.That(Challenge.Choose(response.Headers)!.IsBearer);
    }
}
