using ContainerKit.Containers.Readiness;

namespace ContainerKit.Tests.Containers.Readiness;

/// <summary>The kernel's table of TCP sockets.</summary>
internal sealed class SocketTableTests
{
    private const string Table = """
          sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
           0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21
           1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 22
           2: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 23
        """;

    [TestCase(5432, true)]
    [TestCase(80, true)]
    [TestCase(8080, false)]
    [TestCase(443, false)]
    public void A_port_is_listened_on_where_a_socket_is_in_that_state(int port, bool listens) =>
        Assert.That(SocketTable.IsListening(new StringReader(Table), port), Is.EqualTo(listens));

    [Test]
    public void What_stands_behind_the_listeners_is_not_read()
    {
        using var table = new StringReader(Table + "\n never read");

        SocketTable.IsListening(table, 443);

        Assert.That(table.ReadToEnd(), Is.EqualTo(" never read"));
    }
}
