using Microsoft.Extensions.Logging;

namespace ContainerKit.Containers;

/// <summary>The events of hosts and containers. The ids are stable: 1xx hosts, 2xx containers.</summary>
internal static partial class ContainersLog
{
    [LoggerMessage(100, LogLevel.Information, "Opened the store {Store} with the storage driver {Driver}; containers run in user namespace mode {Mode}.")]
    public static partial void Opened(this ILogger logger, string store, string driver, UserNamespaceMode mode);

    [LoggerMessage(101, LogLevel.Information, "Swept container {Id}, which a process that is gone had left.")]
    public static partial void Swept(this ILogger logger, string id);

    [LoggerMessage(102, LogLevel.Information, "The storage driver {Driver} was not taken: {Reason}")]
    public static partial void DriverNotTaken(this ILogger logger, string driver, string reason);

    [LoggerMessage(103, LogLevel.Warning, "Container {Id}, which a process that is gone had left, was not swept: {Reason}")]
    public static partial void NotSwept(this ILogger logger, string id, string reason);

    [LoggerMessage(104, LogLevel.Warning, "The image {Image} has attributes that this user may not set ({Attributes}): they stand in records, count for nothing here, and come back when a layer is made.")]
    public static partial void AttributesRecorded(this ILogger logger, string image, string attributes);

    [LoggerMessage(105, LogLevel.Warning, "The image {Image} has attributes that this user may not set ({Attributes}), on links or special files, which can have no records: they are lost.")]
    public static partial void AttributesLost(this ILogger logger, string image, string attributes);

    [LoggerMessage(106, LogLevel.Warning, "Volume {Volume}, which no container has, was not removed: {Reason}")]
    public static partial void VolumeNotSwept(this ILogger logger, string volume, string reason);

    [LoggerMessage(200, LogLevel.Debug, "Created container {Id} of image {Image}.")]
    public static partial void Created(this ILogger logger, string id, string image);

    [LoggerMessage(201, LogLevel.Debug, "Container {Id} started as process {ProcessId}.")]
    public static partial void Started(this ILogger logger, string id, int processId);

    [LoggerMessage(202, LogLevel.Debug, "Container {Id} {Exit}.")]
    public static partial void Ended(this ILogger logger, string id, ExitStatus exit);

    [LoggerMessage(203, LogLevel.Debug, "Removed container {Id}.")]
    public static partial void Removed(this ILogger logger, string id);

    [LoggerMessage(205, LogLevel.Information, "Container {Id} {Exit}, and is started again in {Pause}.")]
    public static partial void StartingAgain(this ILogger logger, string id, ExitStatus exit, TimeSpan pause);

    [LoggerMessage(206, LogLevel.Warning, "Container {Id} could not be started again, which counts as a failure of its program: {Reason}")]
    public static partial void NotStartedAgain(this ILogger logger, string id, string reason);

    [LoggerMessage(207, LogLevel.Warning, "The health of the container {Id} cannot be written down, and others do not see it: {Reason}")]
    public static partial void HealthNotWritten(this ILogger logger, string id, string reason);

    [LoggerMessage(204, LogLevel.Warning, "A limit of container {Id} does not apply, which its description allowed: {Limit}")]
    public static partial void LimitLeftOut(this ILogger logger, string id, string limit);
}
