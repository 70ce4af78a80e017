namespace ContainerKit.Registry;

/// <summary>One server that speaks the registry protocol: a registry, or a mirror of one.</summary>
/// <param name="Name">What it is called in image names, in auth files and in errors.</param>
/// <param name="Origin">Where it is: scheme, host and port.</param>
/// <param name="Prefix">The path that a mirror keeps the repositories below, with a slash at its end; empty for none.</param>
internal sealed record RegistryEndpoint(string Name, Uri Origin, string Prefix = "")
{
    private const string DockerHub = "docker.io";

    public bool IsPlain => Origin.Scheme == Uri.UriSchemeHttp;

    /// <summary>The registry itself.</summary>
    public static RegistryEndpoint Of(string registry, RegistryOptions options) => Create(registry, "", options);

    /// <summary>Who is asked for a registry's images, in order: its mirrors, then itself.</summary>
    public static IEnumerable<RegistryEndpoint> ForPulls(string registry, RegistryOptions options) =>
        options.Mirrors.Where(mirror => Normalize(mirror.Key) == Normalize(registry))
            .SelectMany(mirror => mirror.Value)
            .Select(mirror => OfMirror(mirror, options))
            .Append(Of(registry, options));

    /// <summary>The repository of an image, here.</summary>
    public RepositoryAddress At(string repository) => new(this, Prefix + repository);

    /// <summary>Whether an address belongs to this server, so that credentials may go there.</summary>
    public bool Owns(Uri address) => IsSameOrigin(Origin, address);

    /// <summary>An address that this server names in an answer, which may be relative to what was asked for.</summary>
    /// <exception cref="RegistryException">It is no address.</exception>
    public Uri Resolve(Uri asked, Uri named) => Uri.TryCreate(asked, named, out var address)
        ? address
        : throw new RegistryException($"The registry '{Name}' points to what is no address: '{RegistryErrors.Harmless(named.OriginalString)}'.");

    public static bool IsSameOrigin(Uri one, Uri other) => (one.Scheme, one.IdnHost, one.Port) == (other.Scheme, other.IdnHost, other.Port);

    /// <summary>One spelling for each registry: docker's own has had several names.</summary>
    public static string Normalize(string registry) => registry.ToLowerInvariant() switch
    {
        DockerHub or "index.docker.io" or "registry-1.docker.io" or "registry.hub.docker.com" => DockerHub,
        var other => other,
    };

    private static RegistryEndpoint OfMirror(string mirror, RegistryOptions options) => mirror.TrimEnd('/').Split('/', 2) switch
    {
        [var host, var path] => Create(host, path + "/", options),
        _ => Create(mirror.TrimEnd('/'), "", options),
    };

    private static RegistryEndpoint Create(string host, string prefix, RegistryOptions options)
    {
        var name = Normalize(host);
        var scheme = options.PlainHttp.Any(plain => plain == RegistryOptions.All || Normalize(plain) == name) ? Uri.UriSchemeHttp : Uri.UriSchemeHttps;
        // Docker's registry is called docker.io, and lives elsewhere.
        return Uri.TryCreate($"{scheme}://{(name == DockerHub ? "registry-1.docker.io" : name)}/", UriKind.Absolute, out var origin) && origin.AbsolutePath == "/"
            ? new RegistryEndpoint(name, origin, prefix)
            : throw new RegistryException($"'{host}' is no registry's host and port.");
    }
}

/// <summary>A repository on one server.</summary>
internal sealed record RepositoryAddress(RegistryEndpoint Endpoint, string Name)
{
    /// <summary>The scope that a token must have to read, as the distribution project's token specification spells it.</summary>
    public string PullScope => $"repository:{Name}:pull";

    /// <summary>The scope to read and write.</summary>
    public string PushScope => $"repository:{Name}:pull,push";

    /// <summary>The scope to delete.</summary>
    public string DeleteScope => $"repository:{Name}:delete,pull";

    /// <summary>An address of the protocol below this repository. OCI distribution specification, "Endpoints".</summary>
    public Uri Url(string rest) => new(Endpoint.Origin, $"/v2/{Name}/{rest}");

    public override string ToString() => $"{Endpoint.Name}/{Name}";
}
