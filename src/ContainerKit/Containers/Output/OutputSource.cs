namespace ContainerKit;

/// <summary>One of the two streams that a program writes to.</summary>
public enum OutputSource
{
    /// <summary>Standard output.</summary>
    StandardOutput,

    /// <summary>Standard error.</summary>
    StandardError,
}
