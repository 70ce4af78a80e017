namespace ContainerKit;

/// <summary>What <see cref="ContainerHost.RepairAsync"/> found, put right, and could not.</summary>
public sealed record StoreRepair
{
    /// <summary>The state of the store before anything was done.</summary>
    public required StoreCheck Found { get; init; }

    /// <summary>What was put right, each as a sentence.</summary>
    public required IReadOnlyList<string> Repaired { get; init; }

    /// <summary>What is still not as it should be; empty when all is well.</summary>
    public required IReadOnlyList<StoreDamage> Remaining { get; init; }

    /// <summary>Whether all is well now.</summary>
    public bool IsSound => Remaining.Count == 0;
}

/// <summary>Something in a store that could not be repaired.</summary>
/// <param name="Problem">What is wrong and why it still is, in sentences.</param>
/// <param name="Hint">What the reader can do about it, or null when nothing is known.</param>
public sealed record StoreDamage(string Problem, string? Hint);

/// <summary>How a store is repaired.</summary>
public sealed record RepairOptions
{
    /// <summary>
    /// Repositories, such as <c>registry.example/app</c>, that are asked for damaged blobs when those that the blobs came from, or were sent to,
    /// have them no more or are not known. Whatever they give is verified.
    /// </summary>
    public IReadOnlyList<string> Repositories { get; init; } = [];
}
