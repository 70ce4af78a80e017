using ContainerKit.Networking.Pasta;

namespace ContainerKit.Tests.Networking.Pasta;

/// <summary>How the host's pasta is told what to do, and what is made of its complaints.</summary>
internal sealed class PastaProgramTests
{
    private static readonly IReadOnlyList<string> Arguments = PastaProgram.Arguments(4711, "/store/containers/abc/pasta");

    [Test]
    public void It_stays_this_process_s_child_and_speaks_only_of_errors() => Assert.That(Arguments.Take(3), Is.EqualTo(new[] { "pasta", "--foreground", "--quiet" }));

    [TestCase("--address", "10.0.2.100")]
    [TestCase("--netmask", "255.255.255.0")]
    [TestCase("--gateway", "10.0.2.2")]
    [TestCase("--ns-ifname", "eth0")]
    public void The_container_has_an_address_of_its_own_and_a_way_out(string option, string value) => Assert.That(ValueOf(option), Is.EqualTo(value));

    [TestCase("--tcp-ports")]
    [TestCase("--udp-ports")]
    [TestCase("--tcp-ns")]
    [TestCase("--udp-ns")]
    public void No_port_is_opened_on_either_side(string option) => Assert.That(ValueOf(option), Is.EqualTo("none"));

    [Test]
    public void The_host_s_loopback_interface_is_not_behind_the_gateway() => Assert.That(Arguments, Has.Member("--no-map-gw").And.Member("--config-net"));

    [Test]
    public void It_says_that_it_is_ready_and_is_told_whose_namespaces_it_joins_last()
    {
        Assert.That(ValueOf("--pid"), Is.EqualTo("/store/containers/abc/pasta"));
        Assert.That(Arguments[^1], Is.EqualTo("4711"));
    }

    [Test]
    public void Of_its_complaints_those_about_the_system_s_log_are_left_out() =>
        Assert.That(PastaProgram.Complaint("No syslog here\n  No external routable interface \n\nbye\n"), Is.EqualTo("No external routable interface; bye"));

    private static string ValueOf(string option) => Arguments[Arguments.ToList().IndexOf(option) + 1];
}
