namespace ContainerKit.Isolation;

/// <summary>How fast a container may read from one block device and write to it. What is null is not limited.</summary>
/// <remarks>OCI runtime specification, config-linux.md, "Block IO".</remarks>
public sealed record IoLimit
{
    /// <summary>The node of the device on the host, such as <c>/dev/sda</c>: a whole disk, not a partition of it.</summary>
    /// <exception cref="ArgumentException">It is no absolute path.</exception>
    public required string Device
    {
        get;
        init => field = value?.StartsWith('/') == true ? value : throw new ArgumentException($"The node of a device is an absolute path, and '{value}' is not.", nameof(Device));
    }

    /// <summary>Bytes that may be read in a second.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not positive.</exception>
    public long? ReadBytesPerSecond
    {
        get;
        init => field = Positive(value, nameof(ReadBytesPerSecond));
    }

    /// <summary>Bytes that may be written in a second.</summary>
    /// <inheritdoc cref="ReadBytesPerSecond"/>
    public long? WriteBytesPerSecond
    {
        get;
        init => field = Positive(value, nameof(WriteBytesPerSecond));
    }

    /// <summary>Requests to read in a second.</summary>
    /// <inheritdoc cref="ReadBytesPerSecond"/>
    public long? ReadOperationsPerSecond
    {
        get;
        init => field = Positive(value, nameof(ReadOperationsPerSecond));
    }

    /// <summary>Requests to write in a second.</summary>
    /// <inheritdoc cref="ReadBytesPerSecond"/>
    public long? WriteOperationsPerSecond
    {
        get;
        init => field = Positive(value, nameof(WriteOperationsPerSecond));
    }

    /// <summary>This limit, with another one of the same device over it.</summary>
    internal IoLimit With(IoLimit other) => new()
    {
        Device = Device,
        ReadBytesPerSecond = other.ReadBytesPerSecond ?? ReadBytesPerSecond,
        WriteBytesPerSecond = other.WriteBytesPerSecond ?? WriteBytesPerSecond,
        ReadOperationsPerSecond = other.ReadOperationsPerSecond ?? ReadOperationsPerSecond,
        WriteOperationsPerSecond = other.WriteOperationsPerSecond ?? WriteOperationsPerSecond,
    };

    private static long? Positive(long? value, string name) =>
        value is <= 0 ? throw new ArgumentOutOfRangeException(name, value, $"{name} must be positive.") : value;
}
