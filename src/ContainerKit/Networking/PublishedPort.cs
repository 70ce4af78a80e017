namespace ContainerKit;

/// <summary>A port of the host that leads to a port of a container.</summary>
/// <param name="Address">The address of the host that it is open on, such as <c>127.0.0.1</c>, or <c>0.0.0.0</c> for all.</param>
/// <param name="HostPort">The port of the host; 0, in a description, for any that is free.</param>
/// <param name="ContainerPort">The port that the container's program listens on.</param>
public sealed record PublishedPort(string Address, int HostPort, int ContainerPort);
