using ContainerKit.Containers.Specs;

#pragma warning disable CA1416 // Only text is made of text here.

namespace ContainerKit.Tests.Containers.Specs;

public class NetworkFilesTests
{
    [TestCase("127.0.0.1 localhost\n", "127.0.0.1 localhost\n127.0.1.1\tweb\n")]
    [TestCase("127.0.0.1 localhost", "127.0.0.1 localhost\n127.0.1.1\tweb\n")]
    [TestCase("127.0.0.1 localhost # web\n", "127.0.0.1 localhost # web\n127.0.1.1\tweb\n")]
    [TestCase("10.0.0.1\tother WEB\n", "10.0.0.1\tother WEB\n")]
    public void On_the_hosts_network_the_hosts_names_hold_and_the_containers_own(string host, string expected)
    {
        Assert.That(NetworkFiles.Hosts(host, "web"), Is.EqualTo(expected));
    }

    [Test]
    public void A_host_without_names_still_gives_localhost()
    {
        Assert.That(NetworkFiles.Hosts("", "web"), Does.StartWith("127.0.0.1\tlocalhost\n").And.EndsWith("127.0.1.1\tweb\n"));
    }

    [TestCase("nameserver 192.0.2.1\nsearch a\n", "nameserver 192.0.2.1\nsearch a\n")]
    [TestCase("nameserver 127.0.0.53\nnameserver 192.0.2.1\n", "nameserver 192.0.2.1\n")]
    [TestCase("nameserver 127.0.0.53\noptions edns0\n", "options edns0\n")]
    public void In_a_network_of_its_own_only_servers_that_it_can_reach_are_named(string host, string expected)
    {
        Assert.That(NetworkFiles.Resolver([host, ""]), Is.EqualTo(expected));
    }
}
