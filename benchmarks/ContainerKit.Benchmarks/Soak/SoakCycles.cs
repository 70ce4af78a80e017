using System.Net;
using System.Net.Sockets;
using System.Text;

namespace ContainerKit.Benchmarks.Soak;

/// <summary>Starts and ends containers in every way that there is, one way after the other. Each cycle leaves nothing, or should.</summary>
internal sealed class SoakCycles
{
    public const int Kinds = 10;
    private const int Port = 7, HexDigitsOfNumber = 16;
    private static readonly StartOptions Detached = new() { Detached = true };

    private readonly ContainerHost _host;
    private readonly ContainerBuilder _spec;
    private readonly ulong[] _ids;
    private int _idCount;

    /// <param name="host">Where they run.</param>
    /// <param name="image">Has sh, cat, sleep and true.</param>
    /// <param name="cycles">How many there will be: nothing that is kept here may grow while memory is looked at.</param>
    public SoakCycles(ContainerHost host, Image image, int cycles) => (_host, _spec, _ids) = (host, host.Container(image), new ulong[cycles]);

    /// <summary>Whether the container of an id has been one of those that had more than a process: a control group, or an interface.</summary>
    /// <param name="id">The id, or at least its first 16 digits.</param>
    public bool HasMade(ReadOnlySpan<char> id) => ulong.TryParse(id[..Math.Min(id.Length, HexDigitsOfNumber)], System.Globalization.NumberStyles.HexNumber, null, out var number)
        && _ids.AsSpan(0, Math.Min(_idCount, _ids.Length)).Contains(number);

    /// <summary>The same by the first 12 digits, which are what interfaces are called by.</summary>
    public bool HasMadeShort(string digits) => ulong.TryParse(digits, System.Globalization.NumberStyles.HexNumber, null, out var number)
        && _ids.Take(Math.Min(_idCount, _ids.Length)).Any(id => id >> 16 == number);

    /// <summary>One container, or in some kinds two runs of one, from its start to its removal.</summary>
    public Task RunAsync(int number) => (number % Kinds) switch
    {
        0 => CaptureAsync(),
        1 => StreamAsync(),
        2 => ExecAsync(),
        3 => LimitAsync(),
        4 => ConnectAsync(),
        5 => DetachAsync($"soak-{number}"),
        6 => NameAsync($"soak-{number}"),
        7 => FailAsync(),
        8 => GiveUpAsync(TimeSpan.FromMilliseconds(number / Kinds % 25)),
        _ => AttachTerminalAsync(),
    };

    private async Task CaptureAsync()
    {
        var result = await Shell("echo out; echo error >&2").RunAsync();
        Require(result is { StandardOutput: "out\n", StandardError: "error\n" }, "what a program wrote has not come back");
    }

    private async Task StreamAsync()
    {
        await using var running = await _spec.WithCommand("cat").StartAsync();
        await running.StandardInput.WriteAsync("one\ntwo\n"u8.ToArray());
        await running.StandardInput.DisposeAsync();
        var lines = new StringBuilder();
        await foreach (var line in running.ReadLinesAsync())
        {
            lines.Append(line.Content).Append(' ');
        }

        Require(lines.ToString() == "one two " && (await running.WaitForExitAsync()).ExitCode == 0, "what went in has not come out");
    }

    private async Task ExecAsync()
    {
        await using var running = await Sleeper().WithInit().StartAsync();
        Require((await running.ExecAsync(["true"])).ExitStatus.ExitCode == 0, "a further program has failed");
        using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(5));
        try
        {
            await running.ExecAsync(["sh", "-c", "sleep 1000; :"], soon.Token);
        }
        catch (OperationCanceledException)
        {
            // That is what it was for.
        }

        await running.StopAsync();
    }

    private async Task LimitAsync()
    {
        var spec = Shell("exit 3").WithMemoryLimit(64 << 20).WithProcessLimit(20);
        await using var running = await (Environment.IsPrivilegedProcess ? spec : spec.WithBestEffortLimits()).StartAsync();
        Note(running);
        Require((await running.WaitForExitAsync()).ExitCode == 3, "an exit code has not come back");
    }

    // A bridge where there may be one; otherwise this process forwards.
    private async Task ConnectAsync()
    {
        var spec = Sleeper().WithPublishedPort(0, Port);
        await using var running = await (Environment.IsPrivilegedProcess ? spec.WithNetwork(NetworkMode.Bridge) : spec).StartAsync();
        Note(running);
        await using var listener = await running.ListenTcpAsync(new IPEndPoint(IPAddress.Any, Port));
        var accepting = listener.AcceptAsync();
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, running.GetPublishedPort(Port));
        await using var inside = await accepting;
        await inside.WriteAsync("x"u8.ToArray());
        Require(client.GetStream().ReadByte() == 'x', "a published port leads nowhere");
    }

    private async Task DetachAsync(string name)
    {
        await using var container = await Shell("echo logged; sleep 1000").WithName(name).CreateAsync();
        await using (var running = await container.StartAsync(Detached))
        {
            await foreach (var line in container.ReadLogAsync(new LogOptions { Follow = true }))
            {
                Require(line.Content == "logged", "a log says something else");
                break;
            }

            await running.KillAsync();
            await running.WaitForExitAsync();
        }

        await container.RemoveAsync();
    }

    private async Task NameAsync(string name)
    {
        await using (var container = await _spec.WithCommand("true").WithName(name).CreateAsync())
        {
            for (var run = 0; run < 2; run++)
            {
                await using var running = await container.StartAsync();
                await running.WaitForExitAsync();
            }
        }

        await (await _host.FindContainerAsync(name))!.RemoveAsync();
    }

    private async Task FailAsync()
    {
        try
        {
            await _spec.WithCommand("/there/is/none").RunAsync();
        }
        catch (IsolationException)
        {
            return;
        }

        Require(false, "a program that is not there has run");
    }

    private async Task GiveUpAsync(TimeSpan after)
    {
        using var soon = new CancellationTokenSource(after);
        try
        {
            await Sleeper().RunAsync(soon.Token);
        }
        catch (OperationCanceledException)
        {
            // Somewhere on the way.
        }
    }

    private async Task AttachTerminalAsync()
    {
        await using var running = await Sleeper().StartAsync();
        await using var program = await running.StartExecAsync(["sh", "-c", "echo seen"], new ExecOptions { Terminal = new TerminalSize(80, 24) });
        using var reader = new StreamReader(program.StandardOutput);
        Require(await reader.ReadToEndAsync() == "seen\r\n", "a terminal shows something else");
        await program.WaitForExitAsync();
    }

    private ContainerBuilder Shell(string script) => _spec.WithCommand("sh", "-c", script);

    private ContainerBuilder Sleeper() => _spec.WithCommand("sleep", "100000");

    private void Note(RunningContainer running)
    {
        var index = Interlocked.Increment(ref _idCount) - 1;
        _ids[index % _ids.Length] = ulong.Parse(running.Id[..HexDigitsOfNumber], System.Globalization.NumberStyles.HexNumber, null);
    }

    private static void Require(bool isTrue, string otherwise)
    {
        if (!isTrue)
        {
            throw new InvalidOperationException($"A cycle has failed: {otherwise}.");
        }
    }
}
