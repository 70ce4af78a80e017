namespace ContainerKit;

/// <summary>One mount, as data: what a storage driver answers with, and what the isolation engine performs.</summary>
/// <param name="Type">A file system type (<c>overlay</c>, <c>tmpfs</c>, <c>proc</c>), or <c>bind</c>; in a container's description also <c>volume</c>.</param>
/// <param name="Source">What is mounted: a host path for <c>bind</c>, the volume's name for <c>volume</c>, any name for the others.</param>
/// <param name="Target">Where, as an absolute path inside the container; <c>/</c> is the container's root.</param>
/// <param name="Options">
/// Options as mount(8) spells them, one per item. An overlay mount has one <c>lowerdir=PATH</c> item per lower directory, the
/// topmost first, so that no path ever needs escaping.
/// </param>
public sealed record Mount(string Type, string Source, string Target, IReadOnlyList<string> Options);
