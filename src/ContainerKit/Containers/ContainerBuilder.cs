using System.Net;
using System.Text;
using ContainerKit.Containers;
using ContainerKit.Containers.Catalog;
using ContainerKit.Isolation;

namespace ContainerKit;

/// <summary>
/// The description of a container. It never changes: every <c>With…</c> returns a new one, so a description can be kept, shared
/// between threads and started many times.
/// </summary>
public sealed partial class ContainerBuilder
{
    private const long LeastMemory = 6 << 20;
    private const int LongestHostname = 64;

    private readonly ContainerHost _host;
    private readonly ImageSource _image;
    private readonly ContainerOptions _options;

    internal ContainerBuilder(ContainerHost host, ImageSource image, ContainerOptions options)
    {
        _host = host;
        _image = image;
        _options = options;
    }

    /// <summary>Replaces the image's CMD: the program and its arguments, or only the arguments where the image has an ENTRYPOINT.</summary>
    /// <exception cref="ArgumentException">The command is empty.</exception>
    public ContainerBuilder WithCommand(params string[] command)
    {
        ArgumentNullException.ThrowIfNull(command);
        ArgumentOutOfRangeException.ThrowIfZero(command.Length);
        return With(_options with { Command = [.. command] });
    }

    /// <summary>Replaces the image's ENTRYPOINT, and drops its CMD as docker does. Nothing at all removes the ENTRYPOINT.</summary>
    public ContainerBuilder WithEntrypoint(params string[] entrypoint)
    {
        ArgumentNullException.ThrowIfNull(entrypoint);
        return With(_options with { Entrypoint = [.. entrypoint] });
    }

    /// <summary>Sets an environment variable, over the image's own of that name.</summary>
    /// <exception cref="ArgumentException">The name is empty, or holds <c>=</c>.</exception>
    public ContainerBuilder WithEnvironment(string name, string value)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(value);
        if (name.Contains('=', StringComparison.Ordinal))
        {
            throw new ArgumentException($"The name of an environment variable cannot hold '=': '{name}'.", nameof(name));
        }

        return With(_options with { Environment = _options.Environment.Add(new(name, value)) });
    }

    /// <summary>Sets the directory that the program starts in; it is made when it is not there.</summary>
    /// <exception cref="ArgumentException">The path is not absolute.</exception>
    public ContainerBuilder WithWorkingDirectory(string path) => With(_options with { WorkingDirectory = ContainerPath.RequireAbsolute(path) });

    /// <summary>Sets who the program runs as: <c>user</c>, <c>user:group</c>, <c>1000</c> or <c>1000:1000</c>. Names are looked up in the image.</summary>
    public ContainerBuilder WithUser(string user)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(user);
        return With(_options with { User = user });
    }

    /// <summary>Sets the host name that the container sees; its id's first 12 characters otherwise.</summary>
    /// <exception cref="ArgumentException">It is empty, has other characters than letters, digits, '-', '_' and '.', or more than the 64 that Linux holds.</exception>
    public ContainerBuilder WithHostname(string hostname)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(hostname);
        if (hostname.Length > LongestHostname)
        {
            throw new ArgumentException($"A host name has at most {LongestHostname} bytes, and '{hostname}' has more.", nameof(hostname));
        }

        // It becomes a word of /etc/hosts.
        return hostname.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.')
            ? With(_options with { Hostname = hostname })
            : throw new ArgumentException($"A host name has letters, digits, '-', '_' and '.', and '{hostname}' has something else.", nameof(hostname));
    }

    /// <summary>Names the container. A named container stays until <see cref="Container.RemoveAsync(CancellationToken)"/>, and other processes find it by its name.</summary>
    /// <exception cref="ArgumentException">It is not a letter or digit followed by letters, digits, <c>_</c>, <c>.</c> or <c>-</c>.</exception>
    public ContainerBuilder WithName(string name) => With(_options with { Name = ContainerName.Require(name) });

    /// <summary>Limits the memory of all the container's processes together.</summary>
    /// <param name="bytes">The limit in bytes, 6 MiB or more. As with docker, as much swap may come on top of it where the host has swap.</param>
    public ContainerBuilder WithMemoryLimit(long bytes)
    {
        // With less, the kernel kills the container before its program has begun, which looks like the program's own fault.
        if (bytes < LeastMemory)
        {
            throw new ArgumentOutOfRangeException(nameof(bytes), $"A memory limit of {bytes} bytes is too small: containers need 6 MiB to start.");
        }

        return With(_options with { Limits = Limits with { MemoryBytes = bytes } });
    }

    /// <summary>Limits the processor time of all the container's processes together.</summary>
    /// <param name="processors">In processors: 0.5 is half of one.</param>
    public ContainerBuilder WithCpuLimit(double processors)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(processors);
        return With(_options with { Limits = Limits with { CpuQuota = processors } });
    }

    /// <summary>Limits how many processes and threads there can be at once.</summary>
    public ContainerBuilder WithProcessLimit(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        return With(_options with { Limits = Limits with { Pids = count } });
    }

    /// <summary>Limits what all the container's processes together may use of the machine, in more ways than there are methods for.</summary>
    /// <param name="limits">The limits; what is null there stays as it was.</param>
    /// <exception cref="ArgumentException">They contradict themselves, or those from before.</exception>
    public ContainerBuilder WithLimits(ResourceLimits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        var together = Limits.With(limits);
        together.Check();
        return (limits.MemoryBytes is { } memory ? WithMemoryLimit(memory) : this).With(_options with { Limits = together });
    }

    /// <summary>
    /// Starts the container even where this host cannot apply a limit. Without it, such a limit is a <see cref="HostCapabilityException"/>.
    /// </summary>
    public ContainerBuilder WithBestEffortLimits() => With(_options with { LimitsAreBestEffort = true });

    /// <summary>Sets a limit of setrlimit(2) for the program.</summary>
    /// <param name="name">The resource in lower case, as in <c>nofile</c>, <c>nproc</c>, <c>core</c> or <c>stack</c>.</param>
    /// <param name="soft">What applies at first, in the resource's own unit.</param>
    /// <param name="hard">How far the program may raise it; the same as <paramref name="soft"/> when null.</param>
    public ContainerBuilder WithResourceLimit(string name, ulong soft, ulong? hard = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(soft, hard ?? soft);
        return With(_options with { ResourceLimits = _options.ResourceLimits.Add(new(name, soft, hard ?? soft)) });
    }

    /// <summary>Shows a file or directory of the host inside the container.</summary>
    /// <param name="hostPath">What is shown; it must exist when the container starts.</param>
    /// <param name="containerPath">Where, as an absolute path other than <c>/</c>, <c>/proc</c> and <c>/sys</c>; it is made when it is not there.</param>
    /// <param name="readOnly">Whether the container may only read it, submounts included.</param>
    public ContainerBuilder WithBindMount(string hostPath, string containerPath, bool readOnly = false)
    {
        ArgumentException.ThrowIfNullOrEmpty(hostPath);
        return WithMount(new Mount("bind", Path.GetFullPath(hostPath), ContainerPath.RequireMountable(containerPath), ["rbind", readOnly ? "ro" : "rw"]));
    }

    /// <inheritdoc cref="WithBindMount(string, string, bool)"/>
    /// <param name="hostPath">What is shown; it must exist when the container starts.</param>
    /// <param name="containerPath">Where, as an absolute path other than <c>/</c>, <c>/proc</c> and <c>/sys</c>; it is made when it is not there.</param>
    /// <param name="options">How it is shown. What this host cannot do is a <see cref="HostCapabilityException"/> of the start.</param>
    public ContainerBuilder WithBindMount(string hostPath, string containerPath, BindMountOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(hostPath);
        ArgumentNullException.ThrowIfNull(options);
        return WithMount(new Mount("bind", Path.GetFullPath(hostPath), ContainerPath.RequireMountable(containerPath), options.ToWords()));
    }

    /// <summary>Puts an empty file system in memory at the given path.</summary>
    /// <param name="containerPath">Where, as an absolute path.</param>
    /// <param name="sizeBytes">How much it may hold; half of the host's memory when null.</param>
    /// <param name="mode">Permission bits of its root.</param>
    public ContainerBuilder WithTmpfs(string containerPath, long? sizeBytes = null, int mode = 0x3FF /* 01777 */)
    {
        string[] options = ["nosuid", "nodev", $"mode={Convert.ToString(mode, 8)}"];
        return WithMount(new Mount("tmpfs", "tmpfs", ContainerPath.RequireMountable(containerPath), sizeBytes is { } size ? [.. options, $"size={size}"] : options));
    }

    /// <summary>Chooses the network; <see cref="NetworkMode.None"/> unless told otherwise.</summary>
    public ContainerBuilder WithNetwork(NetworkMode network) => With(_options with { Network = network, NetworkName = null });

    /// <summary>Makes the container a member of a network that was made with <see cref="NetworkStore.CreateAsync"/>; it has to be there when the container starts.</summary>
    /// <param name="name">The network's name.</param>
    public ContainerBuilder WithNetwork(string name)
    {
        NetworkStore.Require(name, null);
        return With(_options with { Network = NetworkMode.Bridge, NetworkName = name == NetworkStore.DefaultName ? null : name });
    }

    /// <summary>Opens a port of the host (TCP) that leads to a port of the container, for as long as its program runs.</summary>
    /// <param name="hostPort">The port of the host; 0 for any that is free, which <see cref="RunningContainer.GetPublishedPort"/> tells.</param>
    /// <param name="containerPort">The port that the program listens on, on its loopback interface or on all of its addresses.</param>
    /// <param name="address">
    /// The address of the host; 127.0.0.1 when null, so that only programs of this host get in. Docker's default is
    /// <see cref="IPAddress.Any"/>, which lets everybody in.
    /// </param>
    /// <remarks>
    /// It works with every <see cref="NetworkMode"/>. With <see cref="NetworkMode.Bridge"/> the kernel sends the host's IPv4 connections on to the container, whose program
    /// has to listen on all of its addresses, or on its network's, and sees where clients of other hosts come from; so it works for detached containers, too.
    /// Otherwise it needs no rights: this process listens, and connects inside the container for every client.
    /// The program therefore sees its clients as 127.0.0.1. With <see cref="NetworkMode.Host"/>, a port that keeps its number needs no forwarding, and
    /// who may get in, the program's own address decides.
    /// </remarks>
    public ContainerBuilder WithPublishedPort(int hostPort, int containerPort, IPAddress? address = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(hostPort);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(hostPort, IPEndPoint.MaxPort);
        ArgumentOutOfRangeException.ThrowIfLessThan(containerPort, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(containerPort, IPEndPoint.MaxPort);
        return With(_options with { PublishedPorts = _options.PublishedPorts.Add(new((address ?? IPAddress.Loopback).ToString(), hostPort, containerPort)) });
    }

    /// <summary>Makes the root file system read-only; mounts such as tmpfs stay writable.</summary>
    public ContainerBuilder WithReadOnlyRoot() => With(_options with { IsReadOnly = true });

    /// <summary>Gives a capability beyond Docker's fourteen.</summary>
    /// <param name="name">Such as <c>NET_ADMIN</c> or <c>CAP_NET_ADMIN</c>, or <c>ALL</c>.</param>
    public ContainerBuilder WithCapability(string name) => With(_options with { AddedCapabilities = _options.AddedCapabilities.Add(name) });

    /// <summary>Takes a capability away.</summary>
    /// <param name="name">Such as <c>CHOWN</c> or <c>CAP_CHOWN</c>, or <c>ALL</c>.</param>
    public ContainerBuilder WithoutCapability(string name) => With(_options with { DroppedCapabilities = _options.DroppedCapabilities.Add(name) });

    /// <summary>Says when the image is fetched from its registry; <see cref="PullPolicy.Never"/> unless told otherwise. It is about images that are called by name.</summary>
    public ContainerBuilder WithPull(PullPolicy policy) => With(_options with { Pull = policy });

    /// <summary>Says what <see cref="RunAsync"/> makes of an end that is not exit code 0.</summary>
    public ContainerBuilder WithExitCheck(ExitCheck check) => With(_options with { ExitCheck = check });

    /// <summary>Feeds standard input from a stream, which stays the caller's; without this it is empty.</summary>
    public ContainerBuilder WithStandardInput(Stream input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return With(_options with { StandardInput = () => input });
    }

    /// <summary>Feeds standard input with a text, as UTF-8.</summary>
    public ContainerBuilder WithStandardInput(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return With(_options with { StandardInput = () => new MemoryStream(Encoding.UTF8.GetBytes(text), writable: false) });
    }

    /// <summary>Bounds what <see cref="RunAsync"/> keeps of each output stream; more is a <see cref="ContainerKitException"/>. 16 MiB unless told otherwise.</summary>
    public ContainerBuilder WithMaxCapturedBytes(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        return With(_options with { MaxCapturedBytes = bytes });
    }

    /// <summary>Says when the container counts as started: <see cref="StartAsync(CancellationToken)"/> returns then, and not before.</summary>
    /// <param name="ready">When; within 60 seconds, unless <see cref="Ready.Within"/> says otherwise.</param>
    /// <remarks>
    /// One that does not become ready is a <see cref="ContainerNotReadyException"/>, and is ended as one whose start fails. What it writes meanwhile is kept for the reader of its
    /// streams, up to <see cref="WithMaxCapturedBytes"/> each. <see cref="RunAsync"/> waits for the end and for nothing else. The condition belongs to this description,
    /// and to the <see cref="Container"/> that it makes; who finds that container by its name waits with <see cref="RunningContainer.WaitUntilReadyAsync"/>.
    /// </remarks>
    public ContainerBuilder WithReadiness(Ready ready)
    {
        ArgumentNullException.ThrowIfNull(ready);
        return With(_options with { Readiness = ready });
    }

    /// <summary>Gives it a control group even without a limit, so that what it uses can be read, and it can be paused.</summary>
    public ContainerBuilder WithStatistics() => With(_options with { HasStatistics = true });

    /// <summary>
    /// Gives the program a terminal, of the container's own: its standard streams are that, what it writes comes as
    /// <see cref="RunningContainer.StandardOutput"/> (standard error is empty), and <see cref="ConsoleTerminal"/> attaches the caller's.
    /// </summary>
    /// <param name="columns">Characters in a line.</param>
    /// <param name="rows">Lines. <see cref="RunningContainer.ResizeAsync"/> changes both.</param>
    public ContainerBuilder WithTerminal(int columns = 80, int rows = 24) => WithTerminal(new TerminalSize(columns, rows));

    /// <inheritdoc cref="WithTerminal(int, int)"/>
    /// <param name="size">How large it is.</param>
    public ContainerBuilder WithTerminal(TerminalSize size) => With(_options with { Terminal = size.Require() });

    /// <summary>
    /// Keeps the program's standard input open while it is detached, for whoever attaches (<see cref="AttachOptions"/>) to write to: it comes to no end before the program does. Otherwise a
    /// detached program's input is empty. One that is not detached can be fed by the process that starts it anyway.
    /// </summary>
    public ContainerBuilder WithOpenInput() => With(_options with { HasOpenInput = true });

    /// <summary>
    /// Puts an init before the program, as pid 1: it reaps processes whose parents have ended, and passes signals on, which then also end a program
    /// that does not handle them. It ends as the program does; an end by signal n is exit code 128 + n.
    /// </summary>
    public ContainerBuilder WithInit() => With(_options with { HasInit = true });

    /// <summary>
    /// Has a named container removed once its program has run and ended: by whoever lets go of it then; and where that one was killed, or it was detached, by the next host that
    /// opens the store and finds nobody using it. (A container without a name goes in any case, with the process that made it.)
    /// </summary>
    public ContainerBuilder WithAutoRemove() => With(_options with { IsRemovedAtEnd = true });

    /// <summary>Says when the program is started again after its end; never, unless told otherwise.</summary>
    /// <param name="policy">When. <see cref="RunningContainer.WaitForExitAsync"/> returns when there is no further start.</param>
    /// <remarks>
    /// The run stays one: its streams, or its log, go on with the next program, and so do its control group, its limits and its ports. With <see cref="WithTerminal(int, int)"/> it cannot be had:
    /// the start of such a container says so. The network namespace of a detached container with <see cref="NetworkMode.Bridge"/> goes on with the next program, too. <see cref="Container.UpdateRestartAsync"/> changes it later.
    /// </remarks>
    public ContainerBuilder WithRestart(RestartPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return With(_options with { Restart = policy.Kind, MaximumRestarts = policy.MaximumRetries });
    }

    /// <summary>Says how the container's health is told, in place of what its image says; <see cref="HealthCheck.None"/> for not at all.</summary>
    public ContainerBuilder WithHealthCheck(HealthCheck check)
    {
        ArgumentNullException.ThrowIfNull(check);
        return With(_options with { HealthCheck = check });
    }

    /// <summary>Makes the container's file system. Nothing runs, and nothing is mounted.</summary>
    /// <exception cref="ImageException">The image is not in the store, or is damaged.</exception>
    /// <exception cref="RegistryException">The image was to be fetched, and cannot be.</exception>
    /// <exception cref="StorageException">The store cannot hold it, or the name is taken.</exception>
    public Task<Container> CreateAsync(CancellationToken cancellationToken = default) =>
        OperatingSystem.IsLinux()
            ? _host.Containers.CreateAsync(_image, _options, cancellationToken)
            : throw LinuxOnly.Refusal("Containers are made and run");

    /// <summary>Makes the container and starts its program.</summary>
    /// <returns>The running container; disposing of it kills it, and removes it unless it is named.</returns>
    /// <exception cref="ImageException">The image is not in the store, or is damaged.</exception>
    /// <exception cref="RegistryException">The image was to be fetched, and cannot be.</exception>
    /// <exception cref="IsolationException">The program could not be started; <see cref="IsolationException.Step"/> says where.</exception>
    /// <exception cref="HostCapabilityException">This host lacks something that is needed.</exception>
    /// <exception cref="ContainerNotReadyException">It did not become ready, as <see cref="WithReadiness"/> has it.</exception>
    public async Task<RunningContainer> StartAsync(CancellationToken cancellationToken = default)
    {
        var container = await CreateAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await container.StartOwnedAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await container.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Makes the container and starts its program as the options say: detached, it outlives this process.</summary>
    /// <param name="options">How it is started. A detached container that was given no name gets one.</param>
    /// <param name="cancellationToken">Gives up; nothing runs then.</param>
    /// <returns>The running container. Disposing of a detached one only lets go of it.</returns>
    /// <inheritdoc cref="StartAsync(CancellationToken)"/>
    public async Task<RunningContainer> StartAsync(StartOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (!options.Detached)
        {
            return await StartAsync(cancellationToken).ConfigureAwait(false);
        }

        var description = _options.Name is null ? WithName(ContainerName.NewId()[..12]) : this;
        var container = await description.CreateAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await container.StartAsync(options, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await container.RemoveAsync(CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Makes the container, runs its program to the end, and removes the container unless it is named.</summary>
    /// <exception cref="CommandFailedException">The program did not exit with code 0, and <see cref="WithExitCheck"/> did not say that this is fine.</exception>
    /// <exception cref="ContainerKitException">The program wrote more than <see cref="WithMaxCapturedBytes"/> allows.</exception>
    /// <exception cref="ImageException">The image is not in the store, or is damaged.</exception>
    /// <exception cref="RegistryException">The image was to be fetched, and cannot be.</exception>
    /// <exception cref="IsolationException">The program could not be started; <see cref="IsolationException.Step"/> says where.</exception>
    /// <exception cref="HostCapabilityException">This host lacks something that is needed.</exception>
    public async Task<CommandResult> RunAsync(CancellationToken cancellationToken = default)
    {
        // Whoever waits for the end has nobody to tell that it has begun.
        await using var running = await With(_options with { Readiness = null }).StartAsync(cancellationToken).ConfigureAwait(false);
        if (_options.StandardInput is null)
        {
            // Nobody will ever write to it: a program that reads is to find the end, and not to wait.
            await running.StandardInput.DisposeAsync().ConfigureAwait(false);
        }

        var result = await running.CaptureAsync(cancellationToken).ConfigureAwait(false);
        return _options.ExitCheck == ExitCheck.None || result.ExitStatus.IsSuccess
            ? result
            : throw new CommandFailedException(running.Command, result);
    }

    private ResourceLimits Limits => _options.Limits ?? ResourceLimits.None;

    private ContainerBuilder WithMount(Mount mount) => With(_options with { Mounts = _options.Mounts.Add(mount) });

    private ContainerBuilder With(ContainerOptions options) => new(_host, _image, options);
}
