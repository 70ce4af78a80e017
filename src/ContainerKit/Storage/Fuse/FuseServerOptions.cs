using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContainerKit.Storage.Fuse;

/// <summary>How a file system is served.</summary>
internal sealed record FuseServerOptions
{
    public PassthroughMode Passthrough { get; init; } = PassthroughMode.Auto;

    /// <summary>
    /// Whether the mount may be shown with other owners (mount_setattr(2), MOUNT_ATTR_IDMAP). The kernel then tells who asks only with requests that make
    /// something; <see cref="FuseRequest.UserId"/> of others is <see cref="uint.MaxValue"/>.
    /// </summary>
    public bool AllowsIdMapping { get; init; }

    /// <summary>Threads to begin with. One alone is slow: the kernel then wakes it on a processor that sleeps.</summary>
    public int Workers { get; init; } = Math.Clamp(Environment.ProcessorCount, 2, 4);

    public ILogger Logger { get; init; } = NullLogger.Instance;
}
