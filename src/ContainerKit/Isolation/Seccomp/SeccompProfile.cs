namespace ContainerKit.Isolation.Seccomp;

/// <summary>Which system calls a container may make, as docker's and OCI's JSON documents say it.</summary>
/// <remarks>
/// <para>
/// OCI runtime specification, config-linux.md, "Seccomp"; docker's form adds <c>archMap</c>, <c>includes</c> and <c>excludes</c>.
/// When several rules fit a call, the strictest action wins, as it does among the kernel's own filters. Two conditions on the same
/// argument are alternatives, conditions on different arguments must all hold (so does runc read them).
/// </para>
/// <para>
/// Where the default action refuses, a call that is newer than this library or than every call that the profile names gets ENOSYS,
/// so that programs fall back to older calls; a known one gets the default action.
/// </para>
/// </remarks>
public sealed class SeccompProfile
{
    private const string Resource = "ContainerKit.Isolation.Seccomp.default-profile.json";
    private static readonly Lazy<SeccompProfile> LoadedDefault = new(LoadDefault);

    internal SeccompProfile()
    {
    }

    /// <summary>Docker's default policy.</summary>
    public static SeccompProfile Default => LoadedDefault.Value;

    internal SeccompAction DefaultAction { get; init; }

    /// <summary>libseccomp's names of the architectures beside the machine's own, by the machine's; null when <see cref="Architectures"/> says it.</summary>
    internal IReadOnlyDictionary<string, IReadOnlyList<string>>? SubArchitectures { get; init; }

    /// <summary>libseccomp's names of the architectures beside the machine's own.</summary>
    internal IReadOnlyList<string> Architectures { get; init; } = [];

    internal IReadOnlyList<SeccompRule> Rules { get; init; } = [];

    /// <summary>Reads a profile.</summary>
    /// <param name="json">The document.</param>
    /// <exception cref="IsolationException">It is not such a document.</exception>
    public static SeccompProfile Parse(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        return SeccompProfileReader.Read(json);
    }

    /// <summary>The architectures whose calls a container on this machine may make, the machine's own first.</summary>
    internal IEnumerable<SeccompArchitecture> ArchitecturesOn(SeccompArchitecture native)
    {
        var names = SubArchitectures is null ? Architectures
            : SubArchitectures.TryGetValue(native.OciName(), out var found) ? found : [];
        SeccompArchitecture[] siblings = native == SeccompArchitecture.X64 ? [SeccompArchitecture.X86] : [SeccompArchitecture.Arm];
        return siblings.Where(s => names.Contains(s.OciName())).Prepend(native);
    }

    private static SeccompProfile LoadDefault()
    {
        using var stream = typeof(SeccompProfile).Assembly.GetManifestResourceStream(Resource)!;
        using var reader = new StreamReader(stream);
        return Parse(reader.ReadToEnd());
    }
}
