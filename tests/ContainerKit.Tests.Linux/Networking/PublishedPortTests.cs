using System.Globalization;
using System.Net;
using System.Net.Sockets;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Networking;

/// <summary>Ports of the host that lead into containers.</summary>
internal sealed class PublishedPortTests : NetworkFixture
{
    [Test]
    public async Task A_client_of_the_host_gets_through_and_its_end_of_speech_too()
    {
        await using var container = await Echo(7).WithPublishedPort(0, 7).StartAsync();
        await using var stream = await ConnectOutside(container, 7);

        var answer = await Say(stream, "through the wall");

        Assert.That(answer, Is.EqualTo("through the wall"));
    }

    [Test]
    public async Task The_port_that_was_asked_for_is_the_one_that_is_told()
    {
        var port = FreePort();
        await using var container = await Echo(7).WithPublishedPort(port, 7).WithPublishedPort(0, 8).StartAsync();

        Assert.That(container.GetPublishedPort(7), Is.EqualTo(port));
        Assert.That(container.GetPublishedPort(8), Is.Not.Zero.And.Not.EqualTo(port));
        Assert.That(() => container.GetPublishedPort(9), Throws.ArgumentException.With.Message.Contains("Port 9"));
        Assert.That(container.Container.Settings.PublishedPorts, Is.EqualTo(new[] { new PublishedPort("127.0.0.1", port, 7), new PublishedPort("127.0.0.1", 0, 8) }));
    }

    [Test]
    public async Task Megabytes_pass_both_ways_at_once_unchanged()
    {
        await using var container = await Echo(7).WithPublishedPort(0, 7).StartAsync();
        await using var stream = await ConnectOutside(container, 7);
        var sent = new byte[32 << 20];
        new Random(1).NextBytes(sent);
        var received = new MemoryStream();

        var reading = stream.CopyToAsync(received);
        await stream.WriteAsync(sent);
        ((NetworkStream)stream).Socket.Shutdown(SocketShutdown.Send);
        await reading.WaitAsync(TimeSpan.FromSeconds(60));

        Assert.That(received.GetBuffer().AsSpan(0, (int)received.Length).SequenceEqual(sent));
    }

    [Test]
    public async Task A_client_that_does_not_read_slows_the_program_down()
    {
        await using var container = await Busybox("nc", "-ll", "-p", "7", "-e", "busybox", "yes").WithPublishedPort(0, 7).StartAsync();
        await using var stream = await ConnectOutside(container, 7);
        await stream.ReadExactlyAsync(new byte[1]);
        var before = GC.GetTotalMemory(forceFullCollection: true);

        await Task.Delay(1000);

        Assert.That(GC.GetTotalMemory(forceFullCollection: true) - before, Is.LessThan(8 << 20));
        await stream.ReadExactlyAsync(new byte[16 << 20]);
    }

    [Test]
    public async Task Where_nothing_listens_inside_the_client_hears_of_a_broken_connection()
    {
        await using var container = await Busybox("sleep", "1000").WithPublishedPort(0, 80).StartAsync();
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, container.GetPublishedPort(80));

        var failure = Assert.ThrowsAsync<IOException>(() => client.GetStream().ReadExactlyAsync(new byte[1]).AsTask());

        Assert.That((failure.InnerException as SocketException)?.SocketErrorCode, Is.EqualTo(SocketError.ConnectionReset));
    }

    [Test]
    public async Task A_port_that_is_in_use_starts_nothing_and_says_so()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;
        await using var container = await Echo(7).WithPublishedPort(port, 7).CreateAsync();

        var failure = Assert.ThrowsAsync<NetworkException>(() => container.StartAsync());

        Assert.That(failure.Message, Does.Contain($"Cannot publish port 7 of the container '{container.Id[..12]}' on 127.0.0.1:{port}").And.Contain("in use"));
        Assert.That(failure.SocketError, Is.EqualTo(SocketError.AddressAlreadyInUse));
        other.Stop();
        await using var running = await container.StartAsync();
        Assert.That(running.GetPublishedPort(7), Is.EqualTo(port));
    }

    [Test]
    public async Task The_port_is_free_as_soon_as_the_container_has_ended()
    {
        var port = FreePort();
        await using var container = await Echo(7).WithPublishedPort(port, 7).CreateAsync();
        for (var round = 0; round < 5; round++)
        {
            await using var running = await container.StartAsync();
            await using var stream = await ConnectOutside(running, 7);
            Assert.That(await Say(stream, $"{round}"), Is.EqualTo($"{round}"));
        }

        using var client = new TcpClient();
        Assert.That(() => client.ConnectAsync(IPAddress.Loopback, port), Throws.TypeOf<SocketException>());
    }

    [Test]
    public async Task What_a_program_said_last_arrives_although_it_ends_at_once()
    {
        await using var container = await Busybox("nc", "-l", "-p", "7", "-e", "busybox", "echo", "farewell").WithPublishedPort(0, 7).StartAsync();

        var heard = await HearOnce(container.GetPublishedPort(7));

        Assert.That(heard, Is.EqualTo("farewell\n"));
        Assert.That((await container.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(20))).IsSuccess);
    }

    [Test]
    public async Task An_open_connection_does_not_keep_a_container_from_being_disposed_of()
    {
        await using var container = await Echo(7).WithPublishedPort(0, 7).StartAsync();
        await using var stream = await ConnectOutside(container, 7);
        await stream.WriteAsync("x"u8.ToArray());
        await stream.ReadExactlyAsync(new byte[1]);

        await container.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(10));

        Assert.That(await stream.ReadAsync(new byte[1]).AsTask().WaitAsync(TimeSpan.FromSeconds(10)), Is.Zero);
    }

    [Test]
    public async Task Two_that_want_the_same_port_at_once_get_it_once()
    {
        var port = FreePort();
        var description = Busybox("sleep", "1000").WithPublishedPort(port, 7);

        var starts = await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            try
            {
                return await description.StartAsync();
            }
            catch (NetworkException e) when (e.SocketError == SocketError.AddressAlreadyInUse)
            {
                return null;
            }
        }));

        Assert.That(starts, Has.Exactly(1).Not.Null);
        await starts.Single(running => running is not null)!.DisposeAsync();
    }

    [Test]
    public void A_process_that_is_killed_leaves_no_port_and_nobody_in_the_network()
    {
        Needs.Root();
        using var process = new SecondProcess(nameof(PublishForever), StoreDirectory);
        var (port, network) = process.ReadLine()!.Split(' ') is [var number, var name] ? (int.Parse(number, CultureInfo.InvariantCulture), name) : default;
        Assert.That(ProcessesIn(network), Is.GreaterThanOrEqualTo(2), "The program and the worker are there.");

        process.Kill();

        Assert.That(() => ProcessesIn(network), Is.Zero.After(10_000, 20));
        using var client = new TcpClient();
        Assert.That(() => client.ConnectAsync(IPAddress.Loopback, port), Throws.TypeOf<SocketException>());
    }

    /// <summary>Publishes a port, connects once, and says which port of the host and which network namespace it was.</summary>
    internal static void PublishForever(string[] arguments)
    {
        var host = ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = arguments[0] }).GetAwaiter().GetResult();
        var container = host.Container("net:1").WithCommand("busybox", "sleep", "1000").WithPublishedPort(0, 7).StartAsync().GetAwaiter().GetResult();
        _ = container.ListenTcpAsync(7).GetAwaiter().GetResult();
        Console.WriteLine($"{container.GetPublishedPort(7)} {new FileInfo($"/proc/{container.ProcessId}/ns/net").LinkTarget}");
        Thread.Sleep(Timeout.Infinite);
    }

    [Test]
    public async Task With_the_hosts_network_another_number_is_forwarded_and_the_same_needs_nobody()
    {
        var port = FreePort();
        await using var container = await Busybox("httpd", "-f", "-p", $"127.0.0.1:{port}", "-h", "/www")
            .WithNetwork(NetworkMode.Host).WithPublishedPort(port, port).WithPublishedPort(0, port).StartAsync();
        await using var inside = await Connect(container, port);

        var numbers = container.PublishedPorts.Select(published => published.HostPort).ToArray();
        using var client = new HttpClient();

        Assert.That(numbers[0], Is.EqualTo(port));
        Assert.That(await client.GetStringAsync(new Uri($"http://127.0.0.1:{numbers[0]}/index.html")), Is.EqualTo("from inside\n"));
        Assert.That(await client.GetStringAsync(new Uri($"http://127.0.0.1:{numbers[1]}/index.html")), Is.EqualTo("from inside\n"));
    }

    [Test]
    public async Task A_named_container_remembers_its_ports()
    {
        var port = FreePort();
        await Echo(7).WithName("published").WithPublishedPort(port, 7, IPAddress.Any).CreateAsync();
        await using var again = await OpenHost();
        var container = (await again.FindContainerAsync("published"))!;

        await using (var running = await container.StartAsync())
        {
            Assert.That(running.PublishedPorts, Is.EqualTo(new[] { new PublishedPort("0.0.0.0", port, 7) }));
        }

        await container.RemoveAsync();
    }

    private static Task<Stream> ConnectOutside(RunningContainer container, int port) => Connect(async () =>
    {
        // The forwarder answers before the program does.
        await (await Connect(container, port)).DisposeAsync();
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, container.GetPublishedPort(port));
        return client.GetStream();
    });

    /// <summary>For programs that take a single connection: until they listen, the forwarder breaks connections off.</summary>
    private static async Task<string> HearOnce(int port)
    {
        for (var attempt = 0; ; attempt++)
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, port);
            try
            {
                using var reader = new StreamReader(client.GetStream());
                return await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(20));
            }
            catch (IOException) when (attempt < 500)
            {
                await Task.Delay(20);
            }
        }
    }

    private static int ProcessesIn(string network)
    {
        var processes = Directory.EnumerateDirectories("/proc").Where(path => char.IsAsciiDigit(Path.GetFileName(path)[0]));
        return processes.Count(path => Support.Shell.Try("readlink", $"{path}/ns/net").Output.TrimEnd('\n') == network);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
