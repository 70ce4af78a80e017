using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>What run and create have in common: the image, the program, and every option that describes the container.</summary>
internal abstract class DescribingCommand : HostCommand
{
    private readonly Option<string?> _name = new("--name") { Description = "The container's name; one is made up unless given.", HelpName = "NAME" };
    private readonly Option<string[]> _environment = new("--env", "-e") { Description = "Sets a variable; without a value, the one that ckit has.", HelpName = "NAME[=VALUE]" };
    private readonly Option<string[]> _environmentFiles = new("--env-file") { Description = "Sets the variables of a file: NAME=VALUE or NAME on each line, and none on lines that begin with '#'. --env comes after it.", HelpName = "FILE" };
    private readonly Option<string?> _directory = new("--workdir", "-w") { Description = "The directory that the program starts in.", HelpName = "DIR" };
    private readonly Option<string?> _user = new("--user", "-u") { Description = "Who the program runs as.", HelpName = "USER[:GROUP]" };
    private readonly Option<string?> _hostname = new("--hostname") { Description = "The host name that the container sees.", HelpName = "NAME" };
    private readonly Option<string?> _entrypoint = new("--entrypoint") { Description = "Replaces the image's entrypoint; an empty one removes it.", HelpName = "PROGRAM" };
    private readonly LimitFlags _limits = new();
    private readonly Option<string[]> _resourceLimits = new("--ulimit") { Description = "A limit of setrlimit(2) for each process: nofile=1024:2048; -1 or unlimited is none.", HelpName = "NAME=SOFT[:HARD]" };
    private readonly Option<bool> _statistics = new("--stats") { Description = "Gives it a control group even without a limit, for stats, pause and unpause." };
    private readonly Option<bool> _readOnly = new("--read-only") { Description = "Makes the root file system read-only." };
    private readonly Option<bool> _terminal = TerminalFlags.Terminal();
    private readonly Option<bool> _init = new("--init") { Description = "Puts an init before the program, which reaps orphans and passes signals on." };
    private readonly Option<string?> _restart = new("--restart") { Description = "When the program is started again: no (unless given), on-failure[:NUMBER], always or unless-stopped.", HelpName = "POLICY" };
    private readonly Option<string[]> _volumes = new("--volume", "-v") { Description = "Shows a file or directory of the host, or a volume, in the container; DST alone gets a volume without a name.", HelpName = "SRC|NAME:DST[:ro]" };
    private readonly Option<string[]> _memoryFileSystems = new("--tmpfs") { Description = "Puts an empty file system in memory there.", HelpName = "DIR[:size=BYTES,mode=MODE]" };
    private readonly Option<string?> _sharedMemory = new("--shm-size") { Description = "The size of /dev/shm; 64m unless given.", HelpName = "BYTES" };
    private readonly Option<string?> _network = new("--network", "--net") { Description = "none (nothing but loopback; unless given), host (the host's own), pasta (out through the host, as an ordinary user), bridge, or a network that 'ckit network create' made.", HelpName = "MODE|NAME" };
    private readonly Option<string[]> _ports = new("--publish", "-p") { Description = "Opens a port of the host that leads to one of the container, on 127.0.0.1 unless an address is given.", HelpName = "[ADDRESS:][HOST:]CONTAINER" };
    private readonly Option<string[]> _addedCapabilities = new("--cap-add") { Description = "Gives a capability beyond docker's fourteen.", HelpName = "NAME" };
    private readonly Option<string[]> _droppedCapabilities = new("--cap-drop") { Description = "Takes a capability away; ALL takes all.", HelpName = "NAME" };
    private readonly Option<string[]> _security = new("--security-opt")
    {
        Description = "seccomp=FILE|unconfined, apparmor=PROFILE, label=LABEL|disable, or no-new-privileges=false for programs that become another user.",
        HelpName = "OPTION",
    };
    private readonly Option<string[]> _devices = new("--device") { Description = "Lets the program open a device of the host.", HelpName = "PATH[:PATH[:rwm]]" };
    private readonly Option<string?> _pull = new("--pull") { Description = "When the image is fetched from its registry: never (unless given), missing or always.", HelpName = "POLICY" };
    private readonly HealthFlags _health = new();
    private readonly RegistryFlags _registry = new();
    private readonly Argument<string> _image = new("IMAGE") { Description = "The image's name or digest." };
    private readonly Argument<string[]> _command = new("COMMAND")
    {
        Description = "The program and its arguments; the image's own unless given. Options behind IMAGE are the program's.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    protected DescribingCommand(string name, string description)
        : base(name, description)
    {
        Option[] options =
        [
            _name, _environment, _environmentFiles, _directory, _user, _hostname, _entrypoint, .. _limits.All, _resourceLimits, _statistics, _terminal, _init, _restart, _readOnly, _volumes, _memoryFileSystems, _sharedMemory, _network, _ports,
            _addedCapabilities, _droppedCapabilities, _security, _devices, _pull,
        ];
        foreach (var option in options)
        {
            Add(option);
        }

        _health.AddTo(this);
        _registry.AddTo(this);
        Add(_image);
        Add(_command);
    }

    protected override RegistryOptions RegistryOptions(ParseResult line) =>
        PolicyOf(line) == PullPolicy.Never ? base.RegistryOptions(line) : _registry.Read(line, line.GetRequiredValue(_image));

    protected string? NameOf(ParseResult line) => line.GetValue(_name);

    /// <summary>Whether the program's input is fed from ckit's own, or from that of a ckit that attaches.</summary>
    protected virtual bool IsInteractive(ParseResult line) => false;

    /// <summary>The container as the command line describes it, but for its name.</summary>
    protected async Task<ContainerBuilder> DescribeAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var terminal = TerminalFlags.Read(line.GetValue(_terminal), IsInteractive(line));
        var image = await ImageAsync(host, line, cancellationToken);
        var command = line.GetValue(_command) ?? [];
        if (command.Length == 0 && line.GetValue(_entrypoint) is null && image.Config is { Entrypoint: [], Command: [] })
        {
            throw new UsageException($"The image '{image.Reference}' names no command: give one behind its name.");
        }

        var description = ContainerFlags.Apply(host.Container(image), line.GetValue(_entrypoint), ContainerFlags.Entrypoint);
        description = command.Length > 0 ? description.WithCommand(command) : description;
        description = ContainerFlags.Apply(description, line.GetValue(_environmentFiles), ContainerFlags.EnvironmentFile);
        description = ContainerFlags.Apply(description, line.GetValue(_environment), ContainerFlags.Environment);
        description = ContainerFlags.Apply(description, line.GetValue(_directory), ContainerFlags.WorkingDirectory);
        description = ContainerFlags.Apply(description, line.GetValue(_user), ContainerFlags.User);
        description = ContainerFlags.Apply(description, line.GetValue(_hostname), ContainerFlags.Hostname);
        description = ContainerFlags.Apply(description, line.GetValue(_network), ContainerFlags.Network);
        description = ContainerFlags.Apply(description, line.GetValue(_restart), ContainerFlags.Restart);
        description = ContainerFlags.Apply(description, line.GetValue(_ports), ContainerFlags.Publish);
        description = ContainerFlags.Apply(description, line.GetValue(_volumes), VolumeFlag.Apply);
        description = ContainerFlags.Apply(description, line.GetValue(_memoryFileSystems), ContainerFlags.Tmpfs);
        description = ContainerFlags.Apply(description, line.GetValue(_sharedMemory), ContainerFlags.SharedMemory);
        description = ContainerFlags.Apply(description, line.GetValue(_resourceLimits), LimitFlags.ResourceLimit);
        description = ContainerFlags.Apply(description, line.GetValue(_addedCapabilities), static (container, value) => container.WithCapability(value));
        description = ContainerFlags.Apply(description, line.GetValue(_droppedCapabilities), static (container, value) => container.WithoutCapability(value));
        description = ContainerFlags.Apply(description, line.GetValue(_devices), SecurityFlags.Device);
        description = await SecurityFlags.ApplyAsync(description, line.GetValue(_security) ?? [], cancellationToken);
        description = _limits.Read(line) is { } limits ? description.WithLimits(limits) : description;
        description = line.GetValue(_statistics) ? description.WithStatistics() : description;
        description = _health.Apply(description, line, image.Config.HealthCheck);
        description = terminal is { } size ? description.WithTerminal(size) : description;
        description = IsInteractive(line) ? description.WithOpenInput() : description;
        description = line.GetValue(_init) ? description.WithInit() : description;
        return line.GetValue(_readOnly) ? description.WithReadOnlyRoot() : description;
    }

    private PullPolicy PolicyOf(ParseResult line) => line.GetValue(_pull) switch
    {
        null or "never" => PullPolicy.Never,
        "missing" => PullPolicy.Missing,
        "always" => PullPolicy.Always,
        var other => throw new UsageException($"An image is fetched never, missing or always, and not '{other}'."),
    };

    private async Task<Image> ImageAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var (policy, name) = (PolicyOf(line), line.GetRequiredValue(_image));
        if (policy == PullPolicy.Never || (policy == PullPolicy.Missing && await host.Images.FindAsync(name, cancellationToken) is not null))
        {
            return await Lookup.ImageAsync(host, name, cancellationToken);
        }

        using var progress = new ProgressBar();
        return await host.Images.PullAsync(name, progress: progress, cancellationToken: cancellationToken);
    }
}
