using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Networking;

/// <summary>Connections between this program and the inside of a container, with nothing published and no network set up.</summary>
[TestFixture(UserNamespaceMode.Default)]
[TestFixture(UserNamespaceMode.SubordinateIds, Category = "Modes")]
[TestFixture(UserNamespaceMode.SingleId, Category = "Modes")]
internal sealed class OpenTcpTests(UserNamespaceMode mode) : NetworkFixture
{
    protected override UserNamespaceMode UserNamespace => mode;

    [OneTimeSetUp]
    public void LeaveTheSingleIdToThoseWhoHaveNoMore()
    {
        if (mode == UserNamespaceMode.SingleId)
        {
            Needs.OrdinaryUser();
        }
    }

    [Test]
    public async Task A_server_in_a_container_without_any_network_answers()
    {
        await using var container = await Echo(7).StartAsync();
        await using var stream = await Connect(container, 7);

        var answer = await Say(stream, "are you there?");

        Assert.That(answer, Is.EqualTo("are you there?"));
    }

    [Test]
    public async Task The_same_port_of_two_containers_is_two_servers()
    {
        await using var one = await Busybox("nc", "-ll", "-p", "80", "-e", "busybox", "echo", "one").StartAsync();
        await using var two = await Busybox("nc", "-ll", "-p", "80", "-e", "busybox", "echo", "two").StartAsync();

        await using var toOne = await Connect(one, 80);
        await using var toTwo = await Connect(two, 80);

        Assert.That((await Say(toOne, ""), await Say(toTwo, "")), Is.EqualTo(("one\n", "two\n")));
    }

    [Test]
    public async Task Where_nothing_listens_the_connection_is_refused_in_a_sentence()
    {
        await using var container = await Busybox("sleep", "1000").StartAsync();

        var refusal = Assert.ThrowsAsync<NetworkException>(() => container.OpenTcpAsync(5432));

        Assert.That(refusal.SocketError, Is.EqualTo(SocketError.ConnectionRefused));
        Assert.That(refusal.Message, Does.Contain("127.0.0.1:5432").And.Contain(container.Id[..12]).And.EndWith("nothing listens there."));
    }

    [Test]
    public async Task The_host_has_the_port_and_the_container_does_not()
    {
        using var onHost = new TcpListener(IPAddress.Loopback, 0);
        onHost.Start();
        await using var container = await Busybox("sleep", "1000").StartAsync();

        var refusal = Assert.ThrowsAsync<NetworkException>(() => container.OpenTcpAsync(((IPEndPoint)onHost.LocalEndpoint).Port));

        Assert.That(refusal.SocketError, Is.EqualTo(SocketError.ConnectionRefused));
    }

    [Test]
    public async Task An_address_that_nothing_leads_to_is_unreachable()
    {
        await using var container = await Busybox("sleep", "1000").StartAsync();

        var refusal = Assert.ThrowsAsync<NetworkException>(() => container.OpenTcpAsync(new IPEndPoint(IPAddress.Parse("192.0.2.1"), 80)));

        Assert.That(refusal.SocketError, Is.EqualTo(SocketError.NetworkUnreachable));
    }

    [Test]
    public async Task A_server_on_IPv6_alone_is_found()
    {
        Needs.That(Socket.OSSupportsIPv6, "the kernel has no IPv6");
        await using var container = await Busybox("httpd", "-f", "-p", "[::1]:80", "-h", "/www").StartAsync();
        await using var stream = await Connect(container, 80);

        Assert.That(await Say(stream, "GET /index.html HTTP/1.0\r\n\r\n"), Does.EndWith("\r\n\r\nfrom inside\n"));
    }

    [Test]
    public async Task Nothing_connects_to_a_container_that_has_ended()
    {
        await using var container = await Busybox("sleep", "1000").StartAsync();
        await container.KillAsync();
        await container.WaitForExitAsync();

        var refusal = Assert.ThrowsAsync<NetworkException>(() => container.OpenTcpAsync(80));

        Assert.That(refusal.SocketError, Is.EqualTo(SocketError.NetworkDown));
        Assert.That(refusal.Message, Does.Contain("has ended"));
    }

    [Test]
    public async Task A_program_inside_connects_to_this_one()
    {
        await using var container = await Busybox("sh", "-c", "read go; echo question | busybox nc 127.0.0.1 443").StartAsync();
        await using var listener = await container.ListenTcpAsync(443);
        await container.StandardInput.WriteAsync("go\n"u8.ToArray());
        await using var connection = await listener.AcceptAsync();

        using var reader = new StreamReader(connection, leaveOpen: true);
        var heard = await reader.ReadLineAsync();
        await Say(connection, "answer");

        Assert.That(heard, Is.EqualTo("question"));
        Assert.That(await new StreamReader(container.StandardOutput).ReadToEndAsync(), Is.EqualTo("answer"));
    }

    [Test]
    public async Task A_port_can_be_listened_on_once()
    {
        await using var container = await Busybox("sleep", "1000").StartAsync();
        await using var first = await container.ListenTcpAsync(0);

        var refusal = Assert.ThrowsAsync<NetworkException>(() => container.ListenTcpAsync(first.EndPoint.Port));

        Assert.That(refusal.SocketError, Is.EqualTo(SocketError.AddressAlreadyInUse));
    }

    [Test]
    public async Task A_listener_ends_with_its_container()
    {
        await using var container = await Busybox("sleep", "1000").StartAsync();
        await using var listener = await container.ListenTcpAsync(80);
        var waiting = listener.AcceptAsync();

        await container.KillAsync();

        Assert.That(() => waiting.WaitAsync(TimeSpan.FromSeconds(20)), Throws.TypeOf<NetworkException>().With.Message.Contains("has ended"));
    }

    [Test]
    public async Task A_listener_that_was_disposed_of_says_so()
    {
        await using var container = await Busybox("sleep", "1000").StartAsync();
        var listener = await container.ListenTcpAsync(80);
        var waiting = listener.AcceptAsync();

        await listener.DisposeAsync();

        Assert.That(() => waiting.WaitAsync(TimeSpan.FromSeconds(20)), Throws.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public async Task An_http_client_talks_to_a_server_inside()
    {
        await using var container = await Busybox("httpd", "-f", "-p", "8080", "-h", "/www").StartAsync();
        await (await Connect(container, 8080)).DisposeAsync();
        using var client = new HttpClient(container.CreateHttpHandler());

        var page = await client.GetStringAsync(new Uri("http://inside:8080/index.html"));

        Assert.That(page, Is.EqualTo("from inside\n"));
    }

    [Test]
    public async Task A_connection_is_cancelled_and_the_next_one_works()
    {
        await using var container = await Echo(7).StartAsync();
        Assert.That(() => container.OpenTcpAsync(7, new CancellationToken(canceled: true)), Throws.InstanceOf<OperationCanceledException>());

        await using var stream = await Connect(container, 7);

        Assert.That(await Say(stream, "still here"), Is.EqualTo("still here"));
    }

    [Test]
    public async Task Many_connections_at_once_each_get_their_own_answer()
    {
        await using var container = await Busybox("sleep", "1000").StartAsync();
        await using var listener = await container.ListenTcpAsync(7);
        var server = Task.WhenAll(Enumerable.Range(0, 100).Select(async _ =>
        {
            await using var stream = await listener.AcceptAsync();
            await stream.CopyToAsync(stream);
        }));

        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(async number =>
        {
            await using var stream = await container.OpenTcpAsync(7);
            return await Say(stream, $"{number}");
        }));

        await server;
        Assert.That(answers, Is.EqualTo(Enumerable.Range(0, 100).Select(number => $"{number}")));
    }

    [Test]
    public async Task A_Unix_socket_is_found_as_the_container_sees_it()
    {
        using var listener = ListenOnHost("seen");
        await using var container = await Busybox("sh", "-c", "busybox mkdir /run; busybox ln -s /host/seen /run/link; echo ready; busybox sleep 1000").WithBindMount(HostDirectory, "/host").StartAsync();
        await container.StandardOutput.ReadExactlyAsync(new byte[6]);
        await using var stream = await container.OpenUnixAsync("/run/link");
        using var connection = await listener.AcceptAsync();

        await connection.SendAsync("by the link"u8.ToArray());
        connection.Shutdown(SocketShutdown.Send);

        Assert.That(await Say(stream, ""), Is.EqualTo("by the link"));
    }

    [Test]
    public async Task A_socket_of_the_host_is_none_of_the_containers()
    {
        using var listener = ListenOnHost("outside");
        await using var container = await Busybox("sleep", "1000").WithTmpfs("/tmp").StartAsync();

        var refusal = Assert.ThrowsAsync<NetworkException>(() => container.OpenUnixAsync($"/../..{HostDirectory}/outside"));

        Assert.That(refusal.Message, Does.EndWith("No such file or directory."));
    }

    [Test]
    public async Task A_file_that_is_no_socket_refuses()
    {
        await using var container = await Busybox("sleep", "1000").StartAsync();

        var refusal = Assert.ThrowsAsync<NetworkException>(() => container.OpenUnixAsync("/www/index.html"));

        Assert.That(refusal.Message, Does.StartWith("Cannot connect to '/www/index.html' in the container '"));
    }

    [Test]
    public async Task The_worker_inside_ends_with_the_container()
    {
        var before = Workers();
        await using (var container = await Echo(7).StartAsync())
        {
            await (await Connect(container, 7)).DisposeAsync();
            Assert.That(Workers().Except(before), Has.Exactly(1).Items);
        }

        Assert.That(() => Workers().Except(before), Is.Empty.After(10_000, 20));
    }

    [Test]
    public async Task A_worker_that_somebody_killed_is_replaced()
    {
        var before = Workers();
        await using var container = await Echo(7).StartAsync();
        await (await Connect(container, 7)).DisposeAsync();
        using var worker = Process.GetProcessById(Workers().Except(before).Single());
        worker.Kill();

        Assert.That(() => container.OpenTcpAsync(7), Throws.TypeOf<NetworkException>());
        await using var stream = await container.OpenTcpAsync(7);
        Assert.That(await Say(stream, "again"), Is.EqualTo("again"));
    }

    private Socket ListenOnHost(string name)
    {
        var path = $"{HostDirectory}/{name}";
        File.Delete(path);
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        return listener;
    }

    /// <summary>This process's children that are launch programs: their only argument is <c>c</c>.</summary>
    private static int[] Workers()
    {
        var children = Directory.GetDirectories("/proc/self/task").SelectMany(task => File.ReadAllText($"{task}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries));
        return [.. children.Where(child => Text($"/proc/{child}/cmdline") == "c\0").Select(child => int.Parse(child, CultureInfo.InvariantCulture)).Order()];
    }

    // A child may end meanwhile.
    private static string Text(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException)
        {
            return "";
        }
    }
}
