using System.Buffers.Binary;
using ContainerKit.Launch;
using ContainerKit.Linux;
using static ContainerKit.Isolation.KernelFlags;

namespace ContainerKit.Isolation;

/// <summary>What a launch program finds as descriptors 4, 5, …: it says which it wants, and the engine brings them.</summary>
internal enum LaunchDescriptor
{
    /// <summary>A socket on which one byte says that the id maps are written.</summary>
    MapsWritten,

    /// <summary>The handle of the container's first process.</summary>
    FirstProcess,

    /// <summary>A socket on which one byte says that the host has set up the container's network.</summary>
    NetworkReady,

    /// <summary>A user namespace whose maps say how the ids of the root's files are shown.</summary>
    FileOwners,

    /// <summary>The root as a mount that is nowhere yet, which the host serves.</summary>
    ServedRoot,

    /// <summary>A socket to the host, which takes the device of the root and serves it.</summary>
    RootServer,

    /// <summary>A socket on which one byte says that the host has written down who supervises.</summary>
    SupervisorKnown,

    /// <summary>The directory that a supervisor keeps the log and the exit status in.</summary>
    StateDirectory,

    /// <summary>A socket to the host, which takes the outer side of the program's terminal.</summary>
    Terminal,

    /// <summary>A user namespace for the container, whose maps are written: for one that is started again when there may be no host to write them.</summary>
    UserNamespace,

    /// <summary>A network namespace for the container, which outlasts its programs: for one that is started again when there may be no host to give the next one a network.</summary>
    NetworkNamespace,
}

/// <summary>A launch program and what it needs from its host.</summary>
internal sealed record LaunchPlan(LaunchProgram Program, IReadOnlyList<LaunchDescriptor> Descriptors);

/// <summary>How the ids of a container come about.</summary>
internal enum IdMode
{
    /// <summary>They are the host's.</summary>
    Host,

    /// <summary>A user namespace with one id, whose maps the launch program writes itself.</summary>
    Single,

    /// <summary>A user namespace whose maps the host writes: as root, or with newuidmap and newgidmap.</summary>
    Range,
}

/// <summary>A plan while it is being made: what each concern adds its steps to, and what one of them hands on to others.</summary>
internal sealed class PlanBuilder(LaunchHost host, IdMode mode)
{
    private const int ReportDescriptor = 3;

    private readonly List<LaunchDescriptor> _descriptors = [];
    private readonly Dictionary<(ulong Flags, ulong Mode, ulong Resolve), LaunchData> _how = [];

    public LaunchHost Host { get; } = host;

    public IdMode Mode { get; } = mode;

    /// <summary>Whether root makes a container in a user namespace, whose own root has fewer rights.</summary>
    public bool IsPreparedByRoot => Mode == IdMode.Range && Host.IsRoot;

    public LaunchProgram Program { get; } = new();

    /// <summary>Where the program ends without a report, for those who need not say more.</summary>
    public LaunchLabel Exit { get; } = new();

    /// <summary>The container's root directory, once it is there.</summary>
    public LaunchData Root { get; } = new(new byte[8], "root");

    /// <summary>The first descriptor that the plan does not ask for, which is known only when it is complete.</summary>
    public LaunchData FirstUnwanted { get; } = new(new byte[8], "first unwanted");

    /// <summary>How many descriptors behind those of the plan a supervisor holds for as long as it lives.</summary>
    public int HeldDescriptors { get; init; }

    /// <summary>Whether the first process waits until the host has given its network more than a loopback interface.</summary>
    public bool AwaitsNetwork { get; init; }

    /// <summary>Whether the container may be started again when its host has gone.</summary>
    public bool IsStartedAgain { get; init; }

    /// <summary>Whether all its programs have one network namespace, which is set up once.</summary>
    public bool KeepsNetwork => IsStartedAgain && AwaitsNetwork;

    /// <summary>The first descriptor that is nobody's.</summary>
    public LaunchData FirstInherited { get; } = new(new byte[8], "first inherited");

    /// <summary>The container's /dev, once it is made.</summary>
    public Operand Devices { get; set; }

    public Operand RootDirectory => Operand.ValueAt(Root, 0);

    public static int Report => ReportDescriptor;

    /// <summary>Asks for a descriptor.</summary>
    /// <returns>Its number in the program.</returns>
    public int Need(LaunchDescriptor descriptor)
    {
        var index = _descriptors.IndexOf(descriptor);
        if (index < 0)
        {
            index = _descriptors.Count;
            _descriptors.Add(descriptor);
        }

        return ReportDescriptor + 1 + index;
    }

    /// <summary>Whether anything has asked for it so far.</summary>
    public bool Wants(LaunchDescriptor descriptor) => _descriptors.Contains(descriptor);

    public LaunchStep Call(string words, SystemCall call, params ReadOnlySpan<Operand> arguments) => Program.Call(words, call, arguments);

    public LaunchData Text(string text) => Program.Text(text);

    /// <summary>The argument of openat2(2) for paths that come from the image: the root is where `/` and `..` end.</summary>
    public LaunchData HowToOpen(ulong flags, ulong mode, bool followsLinks)
    {
        var resolve = RESOLVE_IN_ROOT | (followsLinks ? RESOLVE_NO_MAGICLINKS : RESOLVE_NO_SYMLINKS);
        if (!_how.TryGetValue((flags, mode, resolve), out var how))
        {
            _how[(flags, mode, resolve)] = how = Program.Words(flags, mode, resolve);
        }

        return how;
    }

    /// <summary>Adds the tail that every failed step leads to, and checks that no label was forgotten.</summary>
    public LaunchPlan Finish()
    {
        Program.Add(Root);
        BinaryPrimitives.WriteInt64LittleEndian(Program.Add(FirstUnwanted).Content, ReportDescriptor + 1 + _descriptors.Count);
        BinaryPrimitives.WriteInt64LittleEndian(Program.Add(FirstInherited).Content, ReportDescriptor + 1 + _descriptors.Count + HeldDescriptors);
        Program.Mark(Program.Failure);

        // A report that nobody can read must not keep the process alive, so even a failed write leads to the exit.
        Call("report a failed step", SystemCall.write, Report, Program.FailureRecord, 8).Then(Exit);
        Program.Mark(Exit);
        Call("end the launch program", SystemCall.exit_group, 125).Then(LaunchLabel.Nowhere);
        return new LaunchPlan(Program, _descriptors);
    }

    public static IdMode ModeOf(IsolationSpec spec, LaunchHost host)
    {
        if (!spec.Namespaces.HasFlag(Namespaces.User))
        {
            return IdMode.Host;
        }

        var isSingle = spec is { UserMappings: [{ Count: 1 } user], GroupMappings: [{ Count: 1 } group] }
            && user.HostId == host.UserId && group.HostId == host.GroupId;
        return isSingle && !host.IsRoot ? IdMode.Single : IdMode.Range;
    }

    public static UserMap MapOf(IsolationSpec spec) => new(
        [.. spec.UserMappings.Select(range => new IdRange(range.ContainerId, range.HostId, range.Count))],
        [.. spec.GroupMappings.Select(range => new IdRange(range.ContainerId, range.HostId, range.Count))]);
}
