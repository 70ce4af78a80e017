using System.Security.Cryptography.X509Certificates;

namespace ContainerKit;

/// <summary>How registries are spoken to: who we are there, which we trust, and how patient we are.</summary>
/// <remarks>
/// A registry is called as in image names: <c>docker.io</c>, <c>registry.example</c>, <c>localhost:5000</c>. Credentials go to the
/// registry that they are for, and nowhere else: not where it redirects to, and not to a token service of another origin unless
/// <see cref="TrustedTokenRealms"/> has it.
/// </remarks>
public sealed record RegistryOptions
{
    /// <summary>
    /// Asked first for the credentials of a registry (or mirror). Where it answers null, and where it is null itself,
    /// <see cref="AuthFiles"/> are looked through.
    /// </summary>
    public Func<CredentialRequest, CancellationToken, ValueTask<RegistryCredentials?>>? Credentials { get; init; }

    /// <summary>
    /// Files as <c>docker login</c> and <c>podman login</c> write them, with the credential helpers that they name; the first that knows a
    /// registry counts. Null: the usual places of the two (<c>$REGISTRY_AUTH_FILE</c>, <c>containers/auth.json</c> below
    /// <c>$XDG_RUNTIME_DIR</c> and <c>$XDG_CONFIG_HOME</c>, <c>$DOCKER_CONFIG</c> or <c>~/.docker/config.json</c>). Empty: none.
    /// </summary>
    public IReadOnlyList<string>? AuthFiles { get; init; }

    /// <summary>
    /// By registry, the mirrors that are asked before it, in order: <c>mirror.example</c>, or <c>registry.example/prefix</c> for one that
    /// keeps the repositories below a path. Only pulls use them. A mirror is believed what a tag means.
    /// </summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Mirrors { get; init; } = new Dictionary<string, IReadOnlyList<string>>();

    internal const string All = "*";

    /// <summary>The registries and mirrors that are spoken to in plain HTTP; <c>*</c> stands for all. All others get HTTPS, <c>localhost</c> too.</summary>
    public IReadOnlyCollection<string> PlainHttp { get; init; } = [];

    /// <summary>
    /// Where credentials may be sent although it is not the registry itself, when the registry names it as its token service: origins such as
    /// <c>https://auth.example</c>. That of <c>docker.io</c> is known.
    /// </summary>
    public IReadOnlyCollection<string> TrustedTokenRealms { get; init; } = [];

    /// <summary>By registry, the certificate (with its private key) that it is shown.</summary>
    public IReadOnlyDictionary<string, X509Certificate2> ClientCertificates { get; init; } = new Dictionary<string, X509Certificate2>();

    /// <summary>Certificate authorities that are trusted beside those of the system.</summary>
    public IReadOnlyCollection<X509Certificate2> CertificateAuthorities { get; init; } = [];

    /// <summary>
    /// Makes the handler that all requests go through, in place of the usual one: for proxies, recordings, tests. It must not follow redirects
    /// and not decompress. Certificates are its business then: with it, <see cref="ClientCertificates"/> and
    /// <see cref="CertificateAuthorities"/> must be empty.
    /// </summary>
    public Func<HttpMessageHandler>? MessageHandler { get; init; }

    /// <summary>How often a request is tried that fails for reasons that may pass (429, 5xx, a broken connection). Progress of a blob starts the count anew.</summary>
    public int MaxAttempts { get; init; } = 5;

    /// <summary>The pause before the second attempt; it doubles with each further one. A <c>Retry-After</c> of the registry's takes its place.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>The longest pause. Where a registry asks for a longer one, the request fails at once, as transient.</summary>
    public TimeSpan MaxRetryDelay { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a registry may be silent (before it answers, or between two pieces of a blob) before the connection counts as broken; also one that brings less than 1 KiB for each second of it.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How many blobs of one image move at once.</summary>
    public int ParallelTransfers { get; init; } = 4;

    /// <summary>The most bytes in one request of an upload; null: a blob is one request, which is what every registry takes.</summary>
    public long? UploadChunkBytes { get; init; }

    /// <summary>Refuses what makes no sense.</summary>
    /// <exception cref="ArgumentException">A number is out of its range, or a handler and certificates are given both.</exception>
    internal RegistryOptions Checked()
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxAttempts, nameof(MaxAttempts));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(ParallelTransfers, nameof(ParallelTransfers));
        ArgumentOutOfRangeException.ThrowIfLessThan(RetryDelay, TimeSpan.Zero, nameof(RetryDelay));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxRetryDelay, TimeSpan.Zero, nameof(MaxRetryDelay));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(Timeout, TimeSpan.Zero, nameof(Timeout));
        ArgumentOutOfRangeException.ThrowIfLessThan(UploadChunkBytes ?? 1, 1, nameof(UploadChunkBytes));
        return MessageHandler is null || (ClientCertificates.Count == 0 && CertificateAuthorities.Count == 0)
            ? this
            : throw new ArgumentException("Certificates are the business of a message handler of one's own: give them to that.", nameof(MessageHandler));
    }
}
