using ContainerKit.Isolation;

namespace ContainerKit.Tests.Isolation;

public class CapabilitySetTests
{
    [Test]
    public void There_are_forty_one()
    {
        Assert.That(CapabilitySet.All.Count, Is.EqualTo(41));
    }

    [Test]
    public void Dockers_fourteen_are_the_kernels_bits_a80425fb()
    {
        Assert.That(CapabilitySet.DockerDefault, Is.EqualTo(new CapabilitySet(0xa80425fb)));
    }

    [TestCase("CAP_NET_ADMIN")]
    [TestCase("net_admin")]
    [TestCase("cap_Net_Admin")]
    public void A_name_may_be_spelt_in_several_ways(string name)
    {
        Assert.That(CapabilitySet.Parse(name), Is.EqualTo(CapabilitySet.Of(Capability.NetAdmin)));
    }

    [Test]
    public void Every_name_comes_back_as_it_was_given()
    {
        var names = CapabilitySet.All.Select(CapabilitySet.NameOf).ToList();

        var sets = names.Select(CapabilitySet.Parse);

        Assert.That(sets.Select(s => s.Single()), Is.EqualTo(CapabilitySet.All));
        Assert.That(names, Does.Contain("CAP_DAC_READ_SEARCH").And.Contain("CAP_SYS_TTY_CONFIG").And.Contain("CAP_BPF").And.Contain("CAP_SYSLOG"));
    }

    [TestCase("")]
    [TestCase("CAP_")]
    [TestCase("CAP_ALL")]
    [TestCase("CAP_CAP_CHOWN")]
    [TestCase("net-admin")]
    [TestCase("41")]
    public void What_is_no_name_is_refused(string name)
    {
        Assert.That(() => CapabilitySet.Parse(name), Throws.InstanceOf<FormatException>().With.Message.Contains($"'{name}'"));
    }

    [Test]
    public void Sets_are_added_and_taken_away_without_changing()
    {
        var some = CapabilitySet.DockerDefault;

        var others = some.With(CapabilitySet.Parse("sys_time")).Without(CapabilitySet.Parse("mknod"));

        Assert.That((others.Contains(Capability.SysTime), others.Contains(Capability.Mknod), some.Contains(Capability.Mknod)), Is.EqualTo((true, false, true)));
    }

    [TestCase(37, 38)]
    [TestCase(40, 41)]
    [TestCase(63, 41)]
    public void An_older_kernel_knows_fewer(int lastCapability, int count)
    {
        Assert.That(CapabilitySet.All.KnownTo(lastCapability).Count, Is.EqualTo(count));
    }
}
