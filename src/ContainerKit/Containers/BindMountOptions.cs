namespace ContainerKit;

/// <summary>How a file or directory of the host is shown: <see cref="ContainerBuilder.WithBindMount(string, string, BindMountOptions)"/>.</summary>
public sealed record BindMountOptions
{
    /// <summary>Whether the container may only read it, submounts included.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>What becomes of mounts that appear below it later.</summary>
    public MountPropagation Propagation { get; init; }

    /// <summary>
    /// Whether its files belong in the container to whom they belong on the host: id 0 on the host is 0 inside, and what the container makes there as 0 belongs on the
    /// host to 0. That takes root, <see cref="UserNamespaceMode.SubordinateIds"/>, and a file system that can be shown so. mount_setattr(2), MOUNT_ATTR_IDMAP
    /// </summary>
    /// <remarks>Whoever is root in the container can then make programs there that run as the host's root. Leave it out where the source is not the container's own.</remarks>
    public bool IdMapped { get; init; }

    internal IReadOnlyList<string> ToWords() =>
    [
        "rbind",
        ReadOnly ? "ro" : "rw",
        .. (string[])(Propagation switch { MountPropagation.Private => [], MountPropagation.Slave => ["rslave"], _ => ["rshared"] }),
        .. (string[])(IdMapped ? ["idmap"] : []),
    ];
}

/// <summary>Whether mounts below a bind mount are passed on, in docker's words. All of them are meant with their submounts. mount_namespaces(7), "SHARED SUBTREES"</summary>
public enum MountPropagation
{
    /// <summary>Neither side sees what the other mounts later: docker's <c>rprivate</c>.</summary>
    Private,

    /// <summary>The container sees what the host mounts there later, and not the other way round: <c>rslave</c>. The source must lie on a mount that the host shares.</summary>
    Slave,

    /// <summary>
    /// Each side sees what the other mounts there later: <c>rshared</c>. Only root's containers can, and the source must lie on a mount that the host shares. What the
    /// container mounts there (it needs SYS_ADMIN for that) stays when it ends.
    /// </summary>
    Shared,
}
