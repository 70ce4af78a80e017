using System.Globalization;
using System.Net;
using System.Net.Sockets;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Networking;

/// <summary>Containers that share a network: the kernel's part of it, looked at with ip(8) and nft(8).</summary>
internal sealed class BridgeTests : NetworkFixture
{
    private static readonly StartOptions Detached = new() { Detached = true };

    [OneTimeSetUp]
    public void NeedRoot()
    {
        Needs.Root();
        Needs.Programs("ip", "nft");
    }

    [TearDown]
    public async Task NothingIsLeft()
    {
        await foreach (var container in Host.ListContainersAsync())
        {
            await container.RemoveAsync(force: true);
        }

        await foreach (var network in Host.Networks.ListAsync())
        {
            Assert.That(Left(network), Is.Empty);
        }
    }

    [Test]
    public async Task Members_find_each_other_by_name_and_by_host_name()
    {
        await using var web = await Web().WithName("web").WithHostname("www").StartAsync();

        var byName = await Fetch("http://web/");
        var byHostname = await Fetch("http://www/");
        var byId = await Fetch($"http://{web.Id[..12]}/");

        Assert.That(new[] { byName, byHostname, byId }, Is.All.EqualTo("from inside\n"));
    }

    [Test]
    public async Task One_who_comes_later_is_found_by_those_who_were_there_and_one_who_goes_is_not()
    {
        await using var early = await Busybox("sleep", "1000").WithNetwork(NetworkMode.Bridge).StartAsync();
        await using (await Web().WithHostname("late").StartAsync())
        {
            Assert.That((await early.ExecAsync(["busybox", "wget", "-qO-", "http://late/"])).StandardOutput, Is.EqualTo("from inside\n"));
        }

        Assert.That((await early.ExecAsync(["busybox", "cat", "/etc/hosts"])).StandardOutput, Does.Not.Contain("late").And.Contain(early.Id[..12]));
    }

    [Test]
    public async Task What_a_container_writes_into_its_hosts_file_stays_there_and_is_no_change_of_its_files()
    {
        await using var container = await Busybox("sleep", "1000").WithNetwork(NetworkMode.Bridge).WithName("writer").StartAsync();
        await container.ExecAsync(["busybox", "sh", "-c", "echo 192.0.2.77 far >> /etc/hosts"]);

        await using (await Web().StartAsync())
        {
            Assert.That((await container.ExecAsync(["busybox", "cat", "/etc/hosts"])).StandardOutput, Does.Contain("192.0.2.77 far\n"));
        }

        await foreach (var change in container.Container.DiffAsync())
        {
            Assert.That(change.After?.Size ?? 0, Is.Zero, change.Path);
        }
    }

    [Test]
    public async Task An_image_whose_hosts_file_is_a_link_stays_inside()
    {
        await using var maker = await Busybox("sh", "-c", "busybox mkdir /var; busybox ln -s ../../../../../../var/escaped /etc/hosts").WithName("maker").CreateAsync();
        await using (var making = await maker.StartAsync())
        {
            await making.WaitForExitAsync();
        }

        var hostile = await maker.CommitAsync("hostile:1");

        var result = await Host.Container(hostile).WithCommand("busybox", "cat", "/etc/hosts").WithNetwork(NetworkMode.Bridge).RunAsync();

        Assert.That(result.StandardOutput, Does.Contain("localhost"));
        Assert.That(File.Exists("/var/escaped"), Is.False);
    }

    [Test]
    public async Task A_container_gets_out_by_the_hosts_address()
    {
        using var world = new World();
        using var server = world.Serve("busybox", "nc", "-ll", "-p", "80", "-e", "busybox", "echo", "from afar");

        var result = await Busybox("sh", "-c", $"for i in 1 2 3 4 5 6 7 8 9; do busybox nc {World.Far} 80 && exit 0; busybox sleep 0.2; done; exit 1").WithNetwork(NetworkMode.Bridge).RunAsync();

        // The far side knows no way to the container's own address: an answer means that it saw the host's.
        Assert.That(result.StandardOutput, Is.EqualTo("from afar\n"));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_published_port_is_reached_from_this_host_and_from_others(bool isDetached)
    {
        using var world = new World();
        await using var web = await Web().WithName("published").WithPublishedPort(0, 80, IPAddress.Any).StartAsync(new StartOptions { Detached = isDetached });
        var port = web.GetPublishedPort(80);

        Assert.That(await Get(IPAddress.Loopback, port), Is.EqualTo("from inside\n"));
        Assert.That(await Get(World.Near, port), Is.EqualTo("from inside\n"));
        Assert.That(world.Ask(World.Near, port), Does.EndWith("from inside\n"));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_port_that_is_published_on_loopback_is_for_this_host_alone(bool isDetached)
    {
        using var world = new World();
        await using var web = await Web().WithName("private").WithPublishedPort(0, 80).StartAsync(new StartOptions { Detached = isDetached });
        var port = web.GetPublishedPort(80);

        Assert.That(await Get(IPAddress.Loopback, port), Is.EqualTo("from inside\n"));
        Assert.That(world.Ask(World.Near, port), Is.Empty);
        Assert.That(world.Ask(web.Address!, 80), Is.Empty);
    }

    [Test]
    public async Task A_member_reaches_another_by_its_published_port()
    {
        await using var web = await Web().WithPublishedPort(0, 80, IPAddress.Any).StartAsync();
        var gateway = (await Host.Networks.FindAsync("bridge"))!.Gateway;

        Assert.That(await Fetch($"http://{gateway}:{web.GetPublishedPort(80)}/"), Is.EqualTo("from inside\n"));
    }

    [Test]
    public async Task A_detached_container_keeps_network_and_port_without_its_host_process_and_leaves_nothing_when_it_has_ended()
    {
        int port;
        await using (var other = await OpenHost())
        {
            await using var web = await Web(other).WithName("alone").WithPublishedPort(0, 80).StartAsync(Detached);
            port = web.GetPublishedPort(80);
        }

        Assert.That(await Get(IPAddress.Loopback, port), Is.EqualTo("from inside\n"));
        using (var taken = new TcpListener(IPAddress.Loopback, port))
        {
            Assert.That(() => taken.Start(), Throws.InstanceOf<SocketException>());
        }

        await using var container = (await Host.FindContainerAsync("alone"))!;
        await using (var again = await container.AttachAsync())
        {
            Assert.That(again.GetPublishedPort(80), Is.EqualTo(port));
            await again.KillAsync();
            await again.WaitForExitAsync();
        }

        Assert.That(Left((await Host.Networks.FindAsync("bridge"))!), Is.Empty);
    }

    [Test]
    public async Task A_detached_member_that_is_started_again_by_its_supervisor_has_its_place_in_the_network_again()
    {
        const string script = "[ -e /again ] && exec busybox httpd -f -p 80 -h /www; busybox touch /again; busybox sleep 0.5; exit 1";
        int port;
        IPAddress address;
        await using (var other = await OpenHost())
        {
            await using var first = await other.Container("net:1").WithCommand("busybox", "sh", "-c", script).WithNetwork(NetworkMode.Bridge)
                .WithName("again").WithPublishedPort(0, 80).WithRestart(RestartPolicy.OnFailure()).StartAsync(Detached);
            (port, address) = (first.GetPublishedPort(80), first.Address!);
        }

        await using var container = (await Host.FindContainerAsync("again"))!;
        Assert.That(() => container.GetStateAsync().GetAwaiter().GetResult() is { Status: ContainerStatus.Running, RestartCount: 1 }, Is.True.After(20_000, 50));
        await using var running = await container.AttachAsync();

        Assert.That(running.Address, Is.EqualTo(address));
        Assert.That((await running.ExecAsync(["busybox", "ip", "-4", "address", "show", "eth0"])).StandardOutput, Does.Contain($"inet {address}/"));
        Assert.That((await running.ExecAsync(["busybox", "ip", "route"])).StandardOutput, Does.StartWith("default via "));
        Assert.That(() => Fetch("http://again/").GetAwaiter().GetResult(), Is.EqualTo("from inside\n").After(10_000, 100));
        Assert.That(await Get(IPAddress.Loopback, port), Is.EqualTo("from inside\n"));
        await using (var stream = await running.OpenTcpAsync(80))
        {
            Assert.That(stream.CanWrite, Is.True);
        }

        await container.StopAsync(TimeSpan.Zero);
        Assert.That(() => Left(Host.Networks.FindAsync("bridge").GetAwaiter().GetResult()!), Is.Empty.After(10_000, 50));
    }

    [Test]
    public async Task What_a_killed_process_leaves_is_swept_by_the_next_one()
    {
        using (var first = new SecondProcess(nameof(JoinForever), StoreDirectory))
        {
            Assert.That(first.ReadLine(), Is.EqualTo("started"));
            first.Kill();
        }

        var network = (await Host.Networks.FindAsync("bridge"))!;
        Assert.That(Left(network), Is.Not.Empty);

        await using var next = await OpenHost();

        Assert.That(Left(network), Is.Empty);
    }

    [Test]
    public async Task Networks_with_names_are_strangers_to_each_other()
    {
        await Host.Networks.CreateAsync("front");
        await Host.Networks.CreateAsync("back", IPNetwork.Parse("10.222.7.0/28"));
        await using var web = await Web().WithNetwork("back").WithHostname("web").StartAsync();
        await using var near = await Busybox("sleep", "1000").WithNetwork("back").StartAsync();
        await using var far = await Busybox("sleep", "1000").WithNetwork("front").StartAsync();
        string[] byAddress = ["busybox", "nc", "-w", "2", $"{web.Address}", "80"];

        Assert.That(web.Address, Is.EqualTo(IPAddress.Parse("10.222.7.2")));
        Assert.That((await near.ExecAsync(["busybox", "wget", "-qO-", "http://web/"])).StandardOutput, Is.EqualTo("from inside\n"));
        Assert.That((await near.ExecAsync(byAddress)).ExitStatus.ExitCode, Is.Zero);
        Assert.That((await far.ExecAsync(["busybox", "cat", "/etc/hosts"])).StandardOutput, Does.Not.Contain("web"));
        Assert.That((await far.ExecAsync(byAddress)).ExitStatus.ExitCode, Is.Not.Zero);
        Assert.That(() => Host.Networks.RemoveAsync("back"), Throws.InstanceOf<NetworkException>().With.Message.Contains("2 members"));
        await far.DisposeAsync();
        Assert.That(await Host.Networks.RemoveAsync("front"));
        Assert.That(await Host.Networks.FindAsync("front"), Is.Null);
    }

    [Test]
    public async Task A_subnet_that_the_host_uses_is_refused_and_starts_nothing()
    {
        await Host.Networks.CreateAsync("clash", IPNetwork.Parse("198.51.100.128/25"));
        using var world = new World();

        var refusal = Assert.ThrowsAsync<NetworkException>(() => Busybox("true").WithNetwork("clash").RunAsync())!;
        var earlier = Assert.ThrowsAsync<NetworkException>(() => Host.Networks.CreateAsync("other", IPNetwork.Parse("198.51.100.64/26")))!;

        Assert.That(earlier.Message, Does.StartWith("Cannot make the network 'other'").And.Contain("198.51.100.0/24"));
        Assert.That(await Host.Networks.FindAsync("other"), Is.Null);
        Assert.That(refusal.Message, Does.Contain("198.51.100.128/25").And.Contain("198.51.100.0/24"));
        await Host.Networks.RemoveAsync("clash");
    }

    [Test]
    public async Task A_program_that_cannot_start_leaves_nothing_of_its_network()
    {
        Assert.That(() => Host.Container(Net).WithCommand("/no/such/program").WithNetwork(NetworkMode.Bridge).RunAsync(), Throws.InstanceOf<IsolationException>());

        Assert.That(Left((await Host.Networks.FindAsync("bridge"))!), Is.Empty);
    }

    [Test]
    public void A_network_that_is_not_there_is_named() => Assert.That(
        () => Busybox("true").WithNetwork("nowhere").RunAsync(), Throws.InstanceOf<NetworkException>().With.Message.Contains("'nowhere'"));

    [Test]
    public async Task Many_who_come_at_once_have_an_address_each()
    {
        var started = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => Busybox("sleep", "1000").WithNetwork(NetworkMode.Bridge).StartAsync()));

        Assert.That(started.Select(container => container.Address).Distinct().Count(), Is.EqualTo(12));
        await Task.WhenAll(started.Select(container => container.DisposeAsync().AsTask()));
    }

    [Category("Slow")]
    [Test]
    public async Task Two_hundred_containers_are_on_one_bridge_and_the_last_reaches_the_first()
    {
        await using var web = await Web().WithHostname("first").StartAsync();
        var rest = new List<RunningContainer>();
        for (var i = 1; i < 200; i++)
        {
            rest.Add(await Busybox("sleep", "1000").WithNetwork(NetworkMode.Bridge).WithHostname($"c{i}").StartAsync());
        }

        var network = (await Host.Networks.FindAsync("bridge"))!;
        Assert.That(network.Members, Has.Count.EqualTo(200));
        Assert.That((await rest[^1].ExecAsync(["busybox", "wget", "-qO-", "http://first/"])).StandardOutput, Is.EqualTo("from inside\n"));
        Assert.That((await web.ExecAsync(["busybox", "cat", "/etc/hosts"])).StandardOutput, Does.Contain("\tc199 "));
        await Task.WhenAll(rest.Select(container => container.DisposeAsync().AsTask()));
    }

    /// <summary>Starts one container after the other in a network, and reports the third.</summary>
    internal static void JoinForever(string[] arguments)
    {
        var host = ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = arguments[0] }).GetAwaiter().GetResult();
        for (var i = 1; ; i++)
        {
            _ = host.Container("net:1").WithCommand("busybox", "sleep", "1000").WithNetwork(NetworkMode.Bridge).WithPublishedPort(0, 80).StartAsync().GetAwaiter().GetResult();
            if (i == 3)
            {
                Console.WriteLine("started");
            }
        }
    }

    private ContainerBuilder Web(ContainerHost? host = null) =>
        (host ?? Host).Container("net:1").WithCommand("busybox", "httpd", "-f", "-p", "80", "-h", "/www").WithNetwork(NetworkMode.Bridge).WithReadiness(Ready.WhenListening(80));

    private async Task<string> Fetch(string url) => (await Busybox("wget", "-qO-", url).WithNetwork(NetworkMode.Bridge).RunAsync()).StandardOutput;

    private static async Task<string> Get(IPAddress address, int port)
    {
        using var client = new HttpClient(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(5) });
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return await client.GetStringAsync($"http://{address}:{port}/");
            }
            catch (HttpRequestException) when (attempt < 50)
            {
                await Task.Delay(50);
            }
        }
    }

    /// <summary>What the kernel has of a network.</summary>
    private static string[] Left(BridgeNetwork network)
    {
        var links = Support.Shell.Run("ip", "-o", "link").Split('\n').Where(line => line.Contains(network.Bridge, StringComparison.Ordinal));
        var tables = Support.Shell.Run("nft", "list", "tables").Split('\n').Where(line => line.Contains(network.Bridge[3..], StringComparison.Ordinal));
        return [.. links, .. tables];
    }

    /// <summary>Another machine: a network namespace behind a pair of interfaces.</summary>
    private sealed class World : IDisposable
    {
        private readonly string _name = string.Create(CultureInfo.InvariantCulture, $"ckt{Environment.ProcessId}");

        public World() => Support.Shell.Script(
            "ip netns add $1; ip link add $1 type veth peer name far netns $1; ip addr add $2/24 dev $1; ip link set $1 up; ip -n $1 addr add $3/24 dev far; ip -n $1 link set far up; ip -n $1 link set lo up; ip -n $1 route add default via $2",
            _name, Near.ToString(), Far.ToString());

        public static IPAddress Near { get; } = IPAddress.Parse("198.51.100.1");

        public static IPAddress Far { get; } = IPAddress.Parse("198.51.100.2");

        /// <summary>What a web server answers to somebody there; nothing when it does not.</summary>
        public string Ask(IPAddress address, int port) => Support.Shell.Try(
            "ip", "netns", "exec", _name, "bash", "-c", $"printf 'GET /index.html HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 2 {address} {port}").Output;

        public Server Serve(params string[] command) => new Server(System.Diagnostics.Process.Start("ip", ["netns", "exec", _name, .. command]));

        public void Dispose() => Support.Shell.Script("ip link del $1; ip netns del $1", _name);
    }

    private sealed class Server(System.Diagnostics.Process process) : IDisposable
    {
        public void Dispose()
        {
            process.Kill();
            process.WaitForExit();
            process.Dispose();
        }
    }
}
