using ContainerKit.Networking.Bridges;

namespace ContainerKit.Tests.Networking.Bridges;

/// <summary>The text of a member's /etc/hosts.</summary>
public sealed class HostsFileTests
{
    [Test]
    public void Members_are_written_anew_and_what_stands_around_them_stays()
    {
        var before = HostsFile.Write([Member("10.211.0.2", "web"), Member("10.211.0.3", "db")]) + "192.0.2.77 far\n";

        var after = HostsFile.Update(before, [Member("10.211.0.3", "db")]);

        Assert.That(after, Does.Contain("192.0.2.77 far\n").And.Contain("10.211.0.3\tdb\n").And.Not.Contain("web").And.StartWith("127.0.0.1\tlocalhost\n"));
        Assert.That(HostsFile.Update(after, [Member("10.211.0.3", "db")]), Has.Length.EqualTo(after.Length));
    }

    [Test]
    public void A_host_name_that_is_none_cannot_add_a_line() =>
        Assert.That(HostsFile.Write([Member("10.211.0.2", "web", "x\n6.6.6.6 bank")]), Does.Contain("10.211.0.2\tweb\n").And.Not.Contain("bank"));

    private static MemberRecord Member(string address, params string[] names) => new() { Id = new string('a', 64), Address = address, Names = names };
}
