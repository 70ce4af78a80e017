using System.Globalization;
using ContainerKit.Isolation;
using ContainerKit.Launch;
using ContainerKit.Linux;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Isolation;

/// <summary>
/// A container whose first process, attacker.c, tries to get at the launch programs of those that join it: as root inside, with
/// docker's capabilities and, where they mean only the container's own user namespace, with that of tracing.
/// </summary>
internal sealed class Attacker : IDisposable
{
    private const ulong Tracing = 1UL << (int)Capability.SysPtrace;

    // In nanoseconds: long enough for some looks at most processes also on a busy host. Otherwise they live for microseconds until their program runs.
    private const long Hold = 10_000_000;

    private readonly Sandbox _sandbox;
    private readonly IdMode _mode;
    private readonly bool _isShown;

    /// <param name="mode">How the container's ids come about.</param>
    /// <param name="isShown">Whether the launch programs do not hide: then the attacker must get at them, or it would prove nothing.</param>
    public Attacker(IdMode mode, bool isShown)
    {
        NeedsOf(mode);
        _mode = mode;
        _isShown = isShown;
        _sandbox = new Sandbox { Engine = new IsolationEngine { Sabotage = Change } };
        try
        {
            Shell.Script(
                """
                clang -static -O1 -o "$1"/bin/attacker "$2"
                mkdir "$1"/proc "$1"/sys "$1"/dev
                chmod a+rx "$1"/.. "$1" "$1"/*
                """,
                _sandbox.Lower,
                Path.Combine(AppContext.BaseDirectory, "Isolation", "attacker.c"));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private ulong Capabilities => CapabilitySet.DockerDefault.Bits | (_mode == IdMode.Host ? 0 : Tracing);

    /// <summary>Has so many processes join one after the other while the attacker does what it can.</summary>
    /// <returns>What it got, and how often; "processes" is how many launch programs it saw at all.</returns>
    public async Task<IReadOnlyDictionary<string, int>> AttackAsync(int joins)
    {
        var (output, outputEnd) = PipeStream.ForReading();
        using var text = new StreamReader(output);
        IsolatedProcess container;
        using (outputEnd)
        {
            container = await _sandbox.Engine.StartAsync(Container(), new LaunchStreams(null, outputEnd));
        }

        using (container)
        {
            for (var i = 0; i < joins; i++)
            {
                using var process = await container.JoinAsync(Process("/bin/true"), new LaunchStreams());
                await process.WaitAsync();
            }

            container.Signal(Tmds.Linux.LibC.SIGTERM);
            var lines = (await text.ReadToEndAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            return lines.Select(line => line.Split(' ')).ToDictionary(words => words[0], words => int.Parse(words[1], CultureInfo.InvariantCulture));
        }
    }

    public void Dispose() => _sandbox.Dispose();

    private static void NeedsOf(IdMode mode)
    {
        Needs.Program("clang");
        switch (mode)
        {
            case IdMode.Host:
                Needs.Root();
                break;
            case IdMode.Single:
                Needs.OrdinaryUser();
                Needs.UserNamespaces();
                break;
            case IdMode.Range when !Environment.IsPrivilegedProcess:
                Needs.SubordinateIds();
                break;
            default:
                Needs.UserNamespaces();
                break;
        }
    }

    // The root is a plain directory: whoever the attacker is on the host, it can read that.
    private IsolationSpec Container()
    {
        var map = _mode switch
        {
            IdMode.Host => new UserMap([], []),
            IdMode.Single => UserMap.Single(Sandbox.UserId, Sandbox.GroupId),
            _ => Environment.IsPrivilegedProcess ? new UserMap([new IdRange(0, 100_000, 1000)], [new IdRange(0, 100_000, 1000)]) : SubordinateIds.ForThisUser()!,
        };
        return new IsolationSpec
        {
            Root = [new Mount("bind", _sandbox.Lower, "/", [])],
            IsRootMapped = _mode == IdMode.Range && Environment.IsPrivilegedProcess,
            Process = Process("/bin/attacker"),
            Namespaces = Namespaces.Default | (_mode == IdMode.Host ? Namespaces.None : Namespaces.User),
            UserMappings = Mappings(map.Users),
            GroupMappings = Mappings(map.Groups),
        };
    }

    private static IReadOnlyList<IdMapping> Mappings(IReadOnlyList<IdRange> ranges) =>
        [.. ranges.Select(range => new IdMapping(range.Inside, range.Outside, range.Count))];

    private ProcessSpec Process(string program) => new() { Arguments = [program], Capabilities = Capabilities };

    private void Change(LaunchPlan plan)
    {
        // The last step before the program is a look at the host, which normally does not wait.
        var look = plan.Program.Steps.Single(step => step.Words == "see whether the host is there");
        BitConverter.TryWriteBytes(look.Arguments[2].Data!.Content.AsSpan(8), Hold);
        foreach (var step in plan.Program.Steps.Where(step => _isShown && step.Words == "hide the launch program"))
        {
            ((Operand[])step.Arguments)[1] = 1;
        }
    }
}
