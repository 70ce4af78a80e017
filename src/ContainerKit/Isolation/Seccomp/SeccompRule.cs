namespace ContainerKit.Isolation.Seccomp;

/// <summary>How an argument is compared. libseccomp's scmp_compare</summary>
internal enum SeccompComparison
{
    NotEqual,
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,

    /// <summary>The bits of the argument that are set in the value are as in the second value.</summary>
    MaskedEqual,
}

/// <summary>One comparison of an argument, 64 bits wide and unsigned.</summary>
internal readonly record struct SeccompCondition(int Argument, SeccompComparison Comparison, ulong Value, ulong SecondValue = 0);

/// <summary>When a rule counts at all: docker's <c>includes</c> and <c>excludes</c>.</summary>
internal sealed record SeccompTerms
{
    public CapabilitySet Capabilities { get; init; }

    /// <summary>Docker's names: amd64, arm64.</summary>
    public IReadOnlyList<string> Architectures { get; init; } = [];

    public Version? OldestKernel { get; init; }
}

/// <summary>What happens to some calls: if all conditions hold, the action.</summary>
internal sealed record SeccompRule
{
    public required IReadOnlyList<string> Names { get; init; }

    public required SeccompAction Action { get; init; }

    public IReadOnlyList<SeccompCondition> Conditions { get; init; } = [];

    public SeccompTerms Includes { get; init; } = new();

    public SeccompTerms Excludes { get; init; } = new();

    /// <summary>Whether the rule counts on such a machine and for such a container.</summary>
    public bool Applies(SeccompArchitecture native, CapabilitySet capabilities, Version kernel)
    {
        var name = native.DockerName();
        return capabilities.ContainsAll(Includes.Capabilities)
            && (Includes.Architectures.Count == 0 || Includes.Architectures.Contains(name))
            && (Includes.OldestKernel is not { } needed || kernel >= needed)
            && (capabilities.Bits & Excludes.Capabilities.Bits) == 0
            && !Excludes.Architectures.Contains(name)
            && !(Excludes.OldestKernel is { } unwanted && kernel >= unwanted);
    }
}
