using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using ContainerKit.Networking.Pasta;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Networking;

/// <summary>An ordinary user's way out of the host. All that is reached is this host itself.</summary>
internal sealed class PastaTests : NetworkFixture
{
    [OneTimeSetUp]
    public void NeedPasta()
    {
        Needs.OrdinaryUser();
        Needs.Program("pasta");
        Needs.That(PastaProgram.TryDevice() == 0, $"this user cannot open {PastaProgram.Device}");
        Needs.That(HostAddress() is not null, "the host has no address but loopback's");
    }

    [TearDown]
    public void NothingIsLeft() => Assert.That(Pastas, Is.Empty.After(5000, 50));

    [Test]
    public async Task A_container_reaches_a_server_of_the_host_by_the_hosts_address()
    {
        using var server = new TcpListener(IPAddress.Any, 0);
        server.Start();
        var serving = AnswerOnceAsync(server, "from the host\n");

        // Its input stays open meanwhile: pastas of early 2023 lose an answer to somebody who has ended his half of a connection.
        await using var asking = await Ask(HostAddress()!, server).StartAsync();
        await asking.StandardInput.WriteAsync("who is there?\n"u8.ToArray());
        await using var lines = asking.ReadLinesAsync().GetAsyncEnumerator();

        Assert.That(await lines.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20)), Is.True);
        Assert.That(lines.Current, Is.EqualTo(new OutputLine(IsError: false, "from the host")));
        await serving;
    }

    [Test]
    public async Task What_listens_on_the_hosts_loopback_interface_is_not_reached()
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();

        // Pastas of early 2023 pass no refusal on: whoever asks has to give up by himself.
        var byAddress = await Ask(HostAddress()!, server, patience: 3).WithExitCheck(ExitCheck.None).RunAsync();
        var byLoopback = await Ask(IPAddress.Loopback, server).WithExitCheck(ExitCheck.None).RunAsync();

        Assert.That(new[] { byAddress.ExitStatus.ExitCode, byLoopback.ExitStatus.ExitCode }, Is.All.EqualTo(1));
        Assert.That(server.Pending(), Is.False);
    }

    [Test]
    public async Task The_way_out_is_there_before_the_program_begins()
    {
        var result = await Busybox("cat", "/proc/net/route").WithNetwork(NetworkMode.Pasta).RunAsync();

        // The route to 0.0.0.0, by 10.0.2.2 in the kernel's own way of writing numbers.
        Assert.That(result.StandardOutput, Does.Contain("eth0\t00000000\t0202000A"));
    }

    [Test]
    public async Task It_knows_its_own_name_and_whom_to_ask_for_others()
    {
        var result = await Busybox("cat", "/etc/hosts", "/etc/resolv.conf").WithNetwork(NetworkMode.Pasta).WithHostname("inside").RunAsync();

        Assert.That(result.StandardOutput, Does.Contain("10.0.2.100\tinside").And.Contain("nameserver"));
    }

    [Test]
    public async Task A_published_port_leads_in()
    {
        await using var container = await Echo(7).WithNetwork(NetworkMode.Pasta).WithPublishedPort(0, 7).WithReadiness(Ready.WhenListening(7)).StartAsync();
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, container.GetPublishedPort(7));

        Assert.That(await Say(client.GetStream(), "hello"), Is.EqualTo("hello"));
    }

    [Test]
    public async Task Each_container_has_a_pasta_of_its_own_which_ends_with_it()
    {
        await using var first = await Busybox("sleep", "1000").WithNetwork(NetworkMode.Pasta).StartAsync();
        await using (await Busybox("sleep", "1000").WithNetwork(NetworkMode.Pasta).StartAsync())
        {
            Assert.That(Pastas(), Has.Length.EqualTo(2));
        }

        Assert.That(Pastas(), Has.Length.EqualTo(1));
    }

    [Test]
    public void A_program_that_cannot_be_run_leaves_no_pasta() =>
        Assert.That(() => Host.Container(Net).WithCommand("/there/is/none").WithNetwork(NetworkMode.Pasta).RunAsync(), Throws.TypeOf<IsolationException>());

    [Test]
    public void A_detached_container_cannot_have_it() => Assert.That(
        async () =>
        {
            await using var container = await Busybox("sleep", "1").WithName("detached").WithNetwork(NetworkMode.Pasta).CreateAsync();
            try
            {
                await container.StartAsync(new StartOptions { Detached = true });
            }
            finally
            {
                await container.RemoveAsync();
            }
        },
        Throws.TypeOf<HostCapabilityException>().With.Property(nameof(HostCapabilityException.Capability)).EqualTo("detached-pasta"));

    [Test]
    public async Task It_ends_with_a_process_that_is_killed()
    {
        using (var host = new SecondProcess(nameof(StartPasta), StoreDirectory))
        {
            Assert.That(host.ReadLine(), Is.EqualTo("started"));
            Assert.That(Pastas(), Has.Length.EqualTo(1));
            host.Kill();
        }

        Assert.That(Pastas, Is.Empty.After(5000, 50));
        await using var next = await OpenHost();
    }

    /// <summary>Starts one, and waits to be killed.</summary>
    internal static void StartPasta(string[] arguments)
    {
        var host = ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = arguments[0] }).GetAwaiter().GetResult();
        _ = host.Container("net:1").WithCommand("busybox", "sleep", "1000").WithNetwork(NetworkMode.Pasta).StartAsync().GetAwaiter().GetResult();
        Console.WriteLine("started");
        Thread.Sleep(Timeout.Infinite);
    }

    // Its command line names a file of the store.
    private string[] Pastas() => Support.Shell.Try("pgrep", "-f", $"^pasta .*{StoreDirectory}").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private ContainerBuilder Ask(IPAddress address, TcpListener server, int patience = 20) =>
        Busybox("nc", "-w", $"{patience}", $"{address}", $"{((IPEndPoint)server.LocalEndpoint).Port}").WithNetwork(NetworkMode.Pasta);

    private static async Task AnswerOnceAsync(TcpListener server, string text)
    {
        using var client = await server.AcceptTcpClientAsync();
        await client.GetStream().ReadAtLeastAsync(new byte[64], 1);
        await client.GetStream().WriteAsync(System.Text.Encoding.UTF8.GetBytes(text));
    }

    private static IPAddress? HostAddress() => NetworkInterface.GetAllNetworkInterfaces()
        .Where(each => each.OperationalStatus == OperationalStatus.Up && each.NetworkInterfaceType != NetworkInterfaceType.Loopback)
        .SelectMany(each => each.GetIPProperties().UnicastAddresses)
        .Select(each => each.Address)
        .FirstOrDefault(address => address.AddressFamily == AddressFamily.InterNetwork);
}

/// <summary>Root and its way out, which is another.</summary>
internal sealed class PastaOfRootTests : NetworkFixture
{
    [Test]
    public void Root_is_told_of_bridges()
    {
        Needs.Root();

        var refusal = Assert.ThrowsAsync<HostCapabilityException>(() => Busybox("true").WithNetwork(NetworkMode.Pasta).RunAsync())!;

        Assert.That((refusal.Capability, refusal.Hint), Is.EqualTo(("pasta", "Use NetworkMode.Bridge, which root's containers share, and which the kernel serves.")));
    }
}
