using System.Net;

namespace ContainerKit.Registry;

/// <summary>Tries credentials, and keeps them where docker and podman find them, too.</summary>
internal static class Login
{
    /// <summary>Has the registry look at credentials. OCI distribution specification, "Determining Support".</summary>
    /// <exception cref="RegistryException">It does not let them in.</exception>
    public static async Task TryAsync(RegistryTransport ours, RegistryEndpoint endpoint, RegistryCredentials credentials, CancellationToken cancellationToken)
    {
        // A transport of its own: neither its tokens nor these credentials are anybody else's business.
        var options = ours.Options with { AuthFiles = [], Credentials = (_, _) => ValueTask.FromResult<RegistryCredentials?>(credentials) };
        using var transport = new RegistryTransport(options, ours.Logger);
        var request = new RegistryRequest(endpoint.At(""), HttpMethod.Get, new Uri(endpoint.Origin, "/v2/")) { Scopes = [] };
        using var response = await transport.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.OK)
        {
            throw await transport.RefusalAsync(request, response, "these credentials", cancellationToken).ConfigureAwait(false);
        }

        // Anybody may have been let in; that says nothing of them.
        if (transport.HintOfWithheld(endpoint) is { } hint)
        {
            throw new RegistryException($"The registry '{endpoint.Name}' has not seen these credentials.") { Hint = hint };
        }
    }

    /// <summary>Keeps credentials: with the helper that the file names for the registry, or in the file.</summary>
    public static async Task KeepAsync(string path, string registry, RegistryCredentials credentials, CancellationToken cancellationToken)
    {
        if (HelperFor(path, registry) is { } helper)
        {
            await CredentialHelper.StoreAsync(helper, AuthFile.ServerOf(registry), credentials, cancellationToken).ConfigureAwait(false);
            AuthFileEdit.Set(path, registry, credentials: null);
        }
        else
        {
            AuthFileEdit.Set(path, registry, credentials);
        }
    }

    /// <summary>Forgets credentials, in the file and with the helper that it names.</summary>
    /// <returns>Whether there were any.</returns>
    public static async Task<bool> ForgetAsync(string path, string registry, CancellationToken cancellationToken)
    {
        var erased = HelperFor(path, registry) is { } helper
            && await CredentialHelper.EraseAsync(helper, AuthFile.ServerOf(registry), cancellationToken).ConfigureAwait(false);
        return AuthFileEdit.Remove(path, registry) || erased;
    }

    /// <summary>
    /// The file that credentials go to: the one that is read first of those that know the registry, so that the new ones are what is found;
    /// and the last of the places, docker's, where none does, or the first that is named.
    /// </summary>
    public static string PlaceFor(string registry, IReadOnlyList<string>? named)
    {
        string[] places = [.. named ?? CredentialSource.UsualPlaces()];
        return Array.Find(places, place => AuthFile.TryRead(place, isRequired: false)?.Has(registry) is true)
            ?? (named is not null ? places.FirstOrDefault() : Environment.GetEnvironmentVariable(CredentialSource.FileVariable) is { Length: > 0 } own ? own : places.LastOrDefault())
            ?? throw new RegistryException("There is no file that credentials could be kept in.");
    }

    private static string? HelperFor(string path, string registry) =>
        AuthFile.TryRead(path, isRequired: false) is { } file ? file.HelperOf(registry) ?? file.DefaultHelper : null;
}
