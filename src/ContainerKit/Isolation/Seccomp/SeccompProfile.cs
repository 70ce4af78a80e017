using ContainerKit.Isolation.Seccomp;

namespace ContainerKit;

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
    private static readonly Lazy<SeccompProfile> LoadedUnconfined = new(static () => Parse("""{"defaultAction":"SCMP_ACT_ALLOW"}"""));

    internal SeccompProfile()
    {
    }

    /// <summary>Docker's default policy, which containers have unless told otherwise.</summary>
    public static SeccompProfile Default => LoadedDefault.Value;

    /// <summary>Every system call is allowed: no filter at all.</summary>
    public static SeccompProfile Unconfined => LoadedUnconfined.Value;

    /// <summary>The document, by which containers keep their profile.</summary>
    internal string Document { get; init; } = "";

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

    /// <summary>Reads a profile from a file.</summary>
    /// <param name="path">A file of the host, of at most 1 MiB of text.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="IsolationException">The file cannot be read, or is not such a document.</exception>
    public static async Task<SeccompProfile> LoadAsync(string path, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            using var file = new StreamReader(path, new FileStreamOptions { Options = FileOptions.Asynchronous });

            // One character more than is taken, so that a longer file is refused and not cut; /dev/zero has no length to ask for.
            var text = new char[SeccompProfileReader.LongestDocument + 1];
            var length = await file.ReadBlockAsync(text, cancellationToken).ConfigureAwait(false);
            return Parse(new string(text, 0, length));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IsolationException($"The seccomp profile '{path}' cannot be read: {e.Message}", e);
        }
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
