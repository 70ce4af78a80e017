using ContainerKit.Containers.Catalog;
using ContainerKit.Containers.Volumes;

namespace ContainerKit;

/// <content>Directories that outlive the container.</content>
public sealed partial class ContainerBuilder
{
    /// <summary>
    /// Shows a volume of the store inside the container. One that is not there is made with the container; the first start fills it with what the image
    /// has at that path, as <see cref="VolumeStore"/> has it.
    /// </summary>
    /// <remarks>
    /// <see cref="Container.Files"/> of a container that runs reaches into its volumes, as its programs do. Of one that does not run it reaches what is below them: what is written
    /// there before the first start is part of what a new volume is filled with.
    /// </remarks>
    /// <param name="name">The volume's name: a letter or digit, then letters, digits, <c>_</c>, <c>.</c> and <c>-</c>.</param>
    /// <param name="containerPath">Where, as an absolute path other than <c>/</c>, <c>/proc</c> and <c>/sys</c>; it is made when it is not there.</param>
    /// <param name="readOnly">Whether the container may only read it. It is filled all the same.</param>
    /// <exception cref="ArgumentException">The name is none for a volume, or nothing can be mounted at the path.</exception>
    public ContainerBuilder WithVolume(string name, string containerPath, bool readOnly = false) =>
        WithMount(new Mount(VolumeMounts.Type, VolumeName.Require(name), ContainerPath.RequireMountable(containerPath), [readOnly ? "ro" : "rw"]));

    /// <summary>
    /// Shows a volume without a name inside the container: it is made with the container, and removed with it, as with <c>docker rm --volumes</c>. Forks
    /// have it, too, and the last to go takes it along.
    /// </summary>
    /// <remarks>
    /// The paths that an image declares as its volumes (<see cref="ImageConfig.Volumes"/>) get such a volume each, unless something else is mounted there.
    /// </remarks>
    /// <param name="containerPath">Where, as an absolute path other than <c>/</c>, <c>/proc</c> and <c>/sys</c>; it is made when it is not there.</param>
    /// <exception cref="ArgumentException">Nothing can be mounted at the path.</exception>
    public ContainerBuilder WithAnonymousVolume(string containerPath) =>
        WithMount(new Mount(VolumeMounts.Type, "", ContainerPath.RequireMountable(containerPath), ["rw"]));

    /// <summary>Leaves out the volumes that the image declares: what is written there is then part of the container's own files.</summary>
    public ContainerBuilder WithoutImageVolumes() => With(_options with { IgnoresImageVolumes = true });
}
