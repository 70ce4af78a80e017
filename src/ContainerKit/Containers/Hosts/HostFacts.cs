using ContainerKit.Isolation.Cgroups;
using ContainerKit.Linux;
using ContainerKit.Storage;

namespace ContainerKit.Containers.Hosts;

/// <summary>What was found out about a host, before anything is concluded from it.</summary>
internal sealed record HostFacts
{
    public required bool IsRoot { get; init; }

    public required string UserName { get; init; }

    public required Version Kernel { get; init; }

    public required string StoreDirectory { get; init; }

    /// <summary>The file systems that the kernel has at hand, of <c>/proc/filesystems</c>.</summary>
    public IReadOnlySet<string> FileSystems { get; init; } = new HashSet<string>();

    /// <summary>The namespaces that the kernel has, as <c>/proc/self/ns</c> names them.</summary>
    public IReadOnlySet<string> Namespaces { get; init; } = new HashSet<string>();

    /// <summary>Settings below <c>/proc/sys</c>, such as <c>vm/memfd_noexec</c>. What the kernel does not have is not there.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>Whether AppArmor is at work.</summary>
    public bool HasAppArmor { get; init; }

    /// <summary>Whether SELinux is at work.</summary>
    public bool HasSelinux { get; init; }

    /// <summary>The error number of a nonsensical call of each of the newer system calls.</summary>
    public IReadOnlyDictionary<string, int> Calls { get; init; } = new Dictionary<string, int>();

    /// <summary>Paths of <c>newuidmap</c> and <c>newgidmap</c>.</summary>
    public IReadOnlyList<string> MapHelpers { get; init; } = [];

    /// <summary>The ids that were lent to this user.</summary>
    public UserMap? SubordinateIds { get; init; }

    /// <summary>What each storage driver says of the store's directory.</summary>
    public IReadOnlyList<DriverVerdict> Drivers { get; init; } = [];

    /// <summary>0, or the error number of opening <c>/dev/fuse</c>.</summary>
    public int FuseError { get; init; }

    /// <summary>The path of <c>pasta</c>; null where it is not installed.</summary>
    public string? PastaPath { get; init; }

    /// <summary>0, or the error number of opening <c>/dev/net/tun</c>.</summary>
    public int TunError { get; init; }

    /// <summary>0, or the error number of sharing data between two files in the store.</summary>
    public int ReflinkError { get; init; }

    /// <summary>0, or the error number of building an overlay in the store; null when it was not tried.</summary>
    public int? OverlayError { get; init; }

    /// <summary>0, or the error number of building an overlay with one setting for each layer; null when it was not tried.</summary>
    public int? OverlayLayerError { get; init; }

    public CgroupLayout Cgroups { get; init; } = new([]);

    /// <summary>Where a container's group would get each controller: a directory.</summary>
    public IReadOnlyDictionary<string, string> ControllerPlaces { get; init; } = new Dictionary<string, string>();

    /// <summary>Where programs that join containers get groups of their own: a directory; null where this user may make none.</summary>
    public string? ExecGroupsPlace { get; init; }

    /// <summary>Why a container's group would not get a controller: a part of a sentence.</summary>
    public IReadOnlyDictionary<string, string> MissingControllers { get; init; } = new Dictionary<string, string>();

    /// <summary>Why an ordinary user's namespaces do not work when really tried; null when they do, or were not tried.</summary>
    public string? UserNamespaceRefusal { get; init; }
}
