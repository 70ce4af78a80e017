using ContainerKit.Images;

namespace ContainerKit.Tests.Images;

public sealed class ChainIdTests
{
    private static readonly Digest First = Digest.Of("first"u8), Second = Digest.Of("second"u8);

    [Test]
    public void One_layer_is_its_own_chain() => Assert.That(ChainId.Of([First]), Is.EqualTo(First));

    [Test]
    public void A_chain_hashes_what_is_below_and_what_is_on_top()
    {
        Assert.That(ChainId.Of([First, Second]), Is.EqualTo(Digest.Of(System.Text.Encoding.ASCII.GetBytes($"{First} {Second}"))));
    }

    [Test]
    public void Every_prefix_has_a_chain()
    {
        Assert.That(ChainId.All([First, Second]), Is.EqualTo(new[] { First, ChainId.Of([First, Second]) }));
    }

    [Test]
    public void Nothing_has_no_chain() => Assert.That(() => ChainId.Of([]), Throws.ArgumentException);
}
