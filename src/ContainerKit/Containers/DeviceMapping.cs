namespace ContainerKit;

/// <summary>A device of the host that a container may open.</summary>
/// <param name="HostPath">Its node on the host, such as <c>/dev/fuse</c>.</param>
/// <param name="ContainerPath">Where the container sees it.</param>
public readonly record struct DeviceMapping(string HostPath, string ContainerPath);
