using System.Runtime.Versioning;
using ContainerKit.Launch;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Isolation;

/// <summary>Starts isolated processes: plans, brings the descriptors that the plan asks for, launches, and names what failed.</summary>
[SupportedOSPlatform("linux")]
internal sealed class IsolationEngine
{
    // A process that joins can be stopped by those inside; then nobody would ever hear of it.
    private static readonly TimeSpan JoinTimeout = TimeSpan.FromSeconds(20);

    private static readonly Lazy<SafeFileHandle> Nothing = new(() => FileCalls.Local.Open(null, "/dev/null", OpenFlags.ReadWrite, resolve: Resolve.Host));

    private readonly EmptyUserNamespaces _owners = new();

    /// <param name="programDirectory">
    /// A directory (on a file system without noexec) for launch programs where the host forbids them in memory (sysctl vm.memfd_noexec=2).
    /// </param>
    public IsolationEngine(string? programDirectory = null) => ProgramDirectory = programDirectory;

    public string? ProgramDirectory { get; }

    /// <summary>What plans are made for; for tests of other kernels than this one.</summary>
    internal LaunchHost Host { get; init; } = LaunchHost.Current;

    /// <summary>Changes plans before they are launched; for tests that let steps fail.</summary>
    internal Action<LaunchPlan>? Sabotage { get; init; }

    /// <summary>Starts a container's first process; done when its program has begun to run.</summary>
    /// <param name="spec">The container.</param>
    /// <param name="streams">What the program reads and writes.</param>
    /// <param name="root">What this process does for a root that it serves; null for any other root.</param>
    /// <param name="cancellationToken">Gives up; nothing runs then.</param>
    /// <exception cref="IsolationException">A step failed; <see cref="IsolationException.Step"/> names it.</exception>
    /// <exception cref="HostCapabilityException">This host cannot do what the specification asks for.</exception>
    public async Task<IsolatedProcess> StartAsync(
        IsolationSpec spec, LaunchStreams streams, RootService? root = null, CancellationToken cancellationToken = default) =>
        await StartAsync(spec, streams, root, network: null, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc cref="StartAsync(IsolationSpec, LaunchStreams, RootService?, CancellationToken)"/>
    /// <param name="spec">The container.</param>
    /// <param name="streams">What the program reads and writes.</param>
    /// <param name="root">What this process does for a root that it serves; null for any other root.</param>
    /// <param name="network">Sets up the network of the first process, before its program runs; null where loopback is all.</param>
    /// <param name="cancellationToken">Gives up; nothing runs then.</param>
    public async Task<IsolatedProcess> StartAsync(
        IsolationSpec spec, LaunchStreams streams, RootService? root, Func<int, SafeFileHandle, CancellationToken, Task>? network, CancellationToken cancellationToken)
    {
        var plan = LaunchPlanner.Plan(spec, Host, awaitsNetwork: network is not null);
        var (process, terminal) = await LaunchAsync(spec, plan, streams, new LaunchParts { Root = root, Network = network }, cancellationToken).ConfigureAwait(false);
        return new IsolatedProcess(this, spec, process, terminal);
    }

    /// <summary>Starts a container's first process under a supervisor, so that it outlives this process; done when its program has begun to run.</summary>
    /// <param name="spec">The container.</param>
    /// <param name="supervision">What the supervisor does, and with what.</param>
    /// <param name="cancellationToken">Gives up; nothing runs then.</param>
    /// <inheritdoc cref="StartAsync(IsolationSpec, LaunchStreams, RootService?, CancellationToken)"/>
    public async Task<SupervisedProcess> StartSupervisedAsync(IsolationSpec spec, Supervision supervision, CancellationToken cancellationToken = default)
    {
        var plan = LaunchPlanner.Plan(spec, Host, supervision.Spec with { HeldDescriptors = supervision.Held.Count }, supervision.Network is not null);
        var (process, _) = await LaunchAsync(spec, plan, new LaunchStreams(), new LaunchParts { Supervision = supervision, Network = supervision.Network }, cancellationToken).ConfigureAwait(false);

        // This process's child until either of them ends.
        var supervisor = ProcessCalls.OpenProcess(process.SupervisorId);
        _ = ReapAsync(ProcessCalls.OpenProcess(process.SupervisorId));
        return new SupervisedProcess(process.ProcessId, process.Handle, process.SupervisorId, supervisor);
    }

    /// <summary>A container's first process that is not this process's child: that of a supervisor, or of another host.</summary>
    /// <param name="spec">The container, as far as those who join it must know it.</param>
    /// <param name="processId">The process's number, which is its own for certain.</param>
    /// <param name="handle">The process. It becomes the result's.</param>
    /// <param name="end">How it ends, as somebody else will know.</param>
    public IsolatedProcess Adopt(IsolationSpec spec, int processId, SafeFileHandle handle, Task<ProcessEnd> end) => new(this, spec, processId, handle, end);

    internal async Task<IsolatedProcess> JoinAsync(
        IsolationSpec container, IsolatedProcess first, ProcessSpec process, LaunchStreams streams, string? group, bool isKept, CancellationToken cancellationToken)
    {
        var plan = LaunchPlanner.PlanJoin(container, process, Host, group, isKept);
        var (joined, terminal) = await LaunchAsync(container, plan, streams, new LaunchParts { First = first, Joining = process.Arguments[0] }, cancellationToken).ConfigureAwait(false);
        return new IsolatedProcess(this, container, joined, terminal);
    }

    private async Task<(LaunchedProcess Process, SafeFileHandle? Terminal)> LaunchAsync(
        IsolationSpec container, LaunchPlan plan, LaunchStreams streams, LaunchParts parts, CancellationToken cancellationToken)
    {
        Sabotage?.Invoke(plan);
        var (first, root, supervision) = (parts.First, parts.Root, parts.Supervision);
        SafeFileHandle? mapsWritten = null, mapsAwaited = null, rootDevice = null, rootServer = null, supervisorTold = null, supervisorKnown = null, networkGiven = null, networkAwaited = null, terminalTaken = null, terminalGiven = null, userNamespace = null, network = null;
        var service = Task.CompletedTask;
        try
        {
            if (plan.Descriptors.Contains(LaunchDescriptor.MapsWritten))
            {
                (mapsWritten, mapsAwaited) = ProcessCalls.MakeSockets(keepsMessages: false);
            }

            if (plan.Descriptors.Contains(LaunchDescriptor.RootServer))
            {
                (rootDevice, rootServer) = ProcessCalls.MakeSockets(keepsMessages: true);
                service = root!.ReceiveAsync(rootDevice);
            }

            if (plan.Descriptors.Contains(LaunchDescriptor.Terminal))
            {
                (terminalTaken, terminalGiven) = ProcessCalls.MakeSockets(keepsMessages: true);
            }

            if (plan.Descriptors.Contains(LaunchDescriptor.NetworkReady))
            {
                (networkGiven, networkAwaited) = ProcessCalls.MakeSockets(keepsMessages: false);
            }

            if (supervision is not null)
            {
                (supervisorTold, supervisorKnown) = ProcessCalls.MakeSockets(keepsMessages: false);
            }

            var owners = plan.Descriptors.Contains(LaunchDescriptor.FileOwners)
                ? await _owners.GetAsync(PlanBuilder.MapOf(container), ProgramDirectory, cancellationToken).ConfigureAwait(false)
                : null;
            var needsNetwork = plan.Descriptors.Contains(LaunchDescriptor.NetworkNamespace);
            if (plan.Descriptors.Contains(LaunchDescriptor.UserNamespace))
            {
                (userNamespace, network) = await EmptyUserNamespaces.MakeAsync(PlanBuilder.MapOf(container), needsNetwork, ProgramDirectory, cancellationToken).ConfigureAwait(false);
            }
            else if (needsNetwork)
            {
                network = await EmptyNetworkNamespaces.MakeAsync().ConfigureAwait(false);
            }

            SafeFileHandle[] others = [.. plan.Descriptors.Select(descriptor => descriptor switch
            {
                LaunchDescriptor.MapsWritten => mapsAwaited!,
                LaunchDescriptor.FirstProcess => first!.Handle,
                LaunchDescriptor.NetworkReady => networkAwaited!,
                LaunchDescriptor.FileOwners => owners!,
                LaunchDescriptor.RootServer => rootServer!,
                LaunchDescriptor.SupervisorKnown => supervisorKnown!,
                LaunchDescriptor.Terminal => terminalGiven!,
                LaunchDescriptor.UserNamespace => userNamespace!,
                LaunchDescriptor.NetworkNamespace => network!,
                LaunchDescriptor.StateDirectory => supervision!.StateDirectory,
                LaunchDescriptor.ServedRoot => root?.Mount ?? throw new IsolationException("The container cannot start: nobody serves the union that is to be its root."),
                _ => throw new NotSupportedException(descriptor.ToString()),
            }), .. supervision?.Held ?? []];
            var request = new LaunchRequest(plan.Program, [streams.Input ?? Nothing.Value, streams.Output ?? Nothing.Value, streams.Error ?? Nothing.Value], others)
            {
                ProgramDirectory = ProgramDirectory,
                GiveMaps = mapsWritten is null ? null : (processId, token) => IdMaps.GiveAsync(processId, PlanBuilder.MapOf(container), mapsWritten, token),
                GiveNetwork = networkGiven is null ? null : async (processId, process) =>
                {
                    await parts.Network!(processId, process, cancellationToken).ConfigureAwait(false);
                    ProcessCalls.Send(networkGiven, [1]);
                },
                Started = () =>
                {
                    mapsAwaited?.Dispose();
                    networkAwaited?.Dispose();
                    rootServer?.Dispose();
                    terminalGiven?.Dispose();
                },
                Supervise = supervision is null ? null : processId =>
                {
                    supervisorKnown!.Dispose();
                    supervision.Known(processId);
                    ProcessCalls.Send(supervisorTold!, [1]);
                },
                Reported = supervision is null ? null : hasStarted =>
                {
                    if (hasStarted)
                    {
                        ProcessCalls.Send(supervisorTold!, [1]);
                    }

                    supervisorTold!.Dispose();
                },
            };
            if (first is not null)
            {
                request = request with { Timeout = JoinTimeout, MayContinue = true, IsExpected = processId => IsInside(container, first, processId) };
            }

            var process = await Launcher.LaunchAsync(request, cancellationToken).ConfigureAwait(false);
            return (process, terminalTaken is null ? null : TakeTerminal(terminalTaken, process));
        }
        catch (LaunchFailedException exception)
        {
            // A step fails for want of a server; why there is none, the server knows.
            rootServer?.Dispose();
            await service.ConfigureAwait(false);
            throw LaunchErrors.Translate(exception, parts.Joining);
        }
        catch (LinuxException exception)
        {
            throw new IsolationException($"{LaunchErrors.Subject(parts.Joining)}: {exception.Message}", exception);
        }
        finally
        {
            mapsWritten?.Dispose();
            mapsAwaited?.Dispose();
            networkGiven?.Dispose();
            networkAwaited?.Dispose();
            supervisorTold?.Dispose();
            supervisorKnown?.Dispose();
            terminalTaken?.Dispose();
            terminalGiven?.Dispose();
            userNamespace?.Dispose();
            network?.Dispose();

            // Nobody is on its other side any more, so it comes to its end.
            rootServer?.Dispose();
            await ((Task)service).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            rootDevice?.Dispose();
        }
    }

    // The program runs, so the message has been sent. What was opened in a container that runs already may be of that one's making.
    private static SafeFileHandle TakeTerminal(SafeFileHandle socket, LaunchedProcess process)
    {
        var terminal = DescriptorSocket.TryReceive(socket);
        if (terminal is not null && TerminalCalls.IsOuterSide(terminal))
        {
            return terminal;
        }

        terminal?.Dispose();
        ProcessTree.Kill(process.ProcessId);
        ProcessCalls.Reap(process.Handle);
        process.Handle.Dispose();
        throw new IsolationException("The program cannot have a terminal: what the container has as /dev/pts/ptmx opens none.");
    }

    private static async Task ReapAsync(SafeFileHandle supervisor)
    {
        using (supervisor)
        {
            using var registration = EventLoop.Shared.Watch(supervisor);
            await registration.WaitAsync(forWriting: false, CancellationToken.None).ConfigureAwait(false);
            ProcessCalls.Reap(supervisor);
        }
    }

    /// <summary>
    /// Whether a process is in the pid namespace of another. Those inside could have taken the report from the process that joined,
    /// and named another child of this process in its place.
    /// </summary>
    private static bool IsInside(IsolationSpec container, IsolatedProcess first, int processId)
    {
        if (!container.Namespaces.HasFlag(Namespaces.Pid))
        {
            return true;
        }

        var (theirs, its) = (NamespaceOf(first.ProcessId), NamespaceOf(processId));
        return theirs is null || its is null || theirs == its;

        // Null where the process is gone or closed to this user; then nothing speaks against it.
        static string? NamespaceOf(int processId)
        {
            Span<byte> target = stackalloc byte[64];
            var errno = FileCalls.Local.TryOpen(null, $"/proc/{processId}/ns", OpenFlags.PathOnly, 0, Resolve.Host, out var directory);
            using (directory)
            {
                return errno == 0 && FileCalls.Local.TryReadLink(directory, "pid", target, out var length) == 0 ? LinuxPath.Decode(target[..length]) : null;
            }
        }
    }

    /// <summary>What some launches have and others do not.</summary>
    private readonly record struct LaunchParts(IsolatedProcess? First, RootService? Root, Supervision? Supervision, Func<int, SafeFileHandle, CancellationToken, Task>? Network)
    {
        /// <summary>The program that joins a container; null for a container's own.</summary>
        public string? Joining { get; init; }
    }
}
