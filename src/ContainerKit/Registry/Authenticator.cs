using System.Net.Http.Headers;
using System.Text;

namespace ContainerKit.Registry;

/// <summary>Knows how one registry asks who we are, and keeps the tokens that it accepts.</summary>
internal sealed class Authenticator(RegistryTransport transport, RegistryEndpoint endpoint, CredentialSource credentials) : IDisposable
{
    private const string HubRealm = "https://auth.docker.io";
    private const int MaxTokens = 256;

    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly Dictionary<string, AccessToken> _tokens = [];
    private readonly Dictionary<string, AuthenticationHeaderValue> _passwords = [];
    private Challenge? _challenge;
    private Uri? _withheldFrom;
    private bool _hadCredentials;

    /// <summary>Whether there were credentials that a token service of another origin did not get.</summary>
    public bool HasWithheld => _withheldFrom is not null;

    /// <summary>What the user can do when the registry does not let us in.</summary>
    public string Hint => _withheldFrom is { } realm
        ? $"The registry's token service is at {realm.GetLeftPart(UriPartial.Authority)}, another origin than its own, and was asked without credentials: if it is the right one, put it into RegistryOptions.TrustedTokenRealms (ckit: --token-realm)."
        : _hadCredentials ? WrongCredentials(endpoint) : NoCredentials(endpoint);

    private static string NoCredentials(RegistryEndpoint endpoint) =>
        $"There are no credentials for '{endpoint.Name}': give some by RegistryOptions.Credentials (ckit: --creds), or log in (RegistryClient.LoginAsync, ckit login; docker and podman do, too).";

    private static string WrongCredentials(RegistryEndpoint endpoint) => $"Look whether the credentials for '{endpoint.Name}' are right, and may do this.";

    public static AuthenticationHeaderValue BasicOf(RegistryCredentials credentials) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{credentials.Username}:{credentials.Password}")));

    /// <summary>What to send without being asked, because the registry has asked before; null when it has not.</summary>
    public async Task<AuthenticationHeaderValue?> KnownAsync(RepositoryAddress target, IReadOnlyList<string> scopes, CancellationToken cancellationToken)
    {
        if (_challenge is not { } challenge)
        {
            return null;
        }

        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return challenge.IsBasic
                ? _passwords.GetValueOrDefault(target.Name)
                : Bearer(await TokenAsync(challenge, target, scopes, cancellationToken).ConfigureAwait(false));
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Answers a registry that did not let us in.</summary>
    /// <param name="response">Its answer, with its challenges.</param>
    /// <param name="target">What was asked for.</param>
    /// <param name="scopes">What a token must allow.</param>
    /// <param name="used">What had been sent, which is no good (any more).</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null when there is nothing else that could be said.</returns>
    public async Task<AuthenticationHeaderValue?> AnswerAsync(
        HttpResponseMessage response, RepositoryAddress target, IReadOnlyList<string> scopes, AuthenticationHeaderValue? used, CancellationToken cancellationToken)
    {
        if (Challenge.Choose(response.Headers) is not { } challenge)
        {
            return null;
        }

        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            _challenge = challenge;
            if (challenge.IsBasic)
            {
                return await PasswordAsync(target, used, cancellationToken).ConfigureAwait(false);
            }

            var key = KeyOf(scopes);
            if (_tokens.TryGetValue(key, out var token) && token.Value == used?.Parameter)
            {
                _tokens.Remove(key);
            }

            return Bearer(await TokenAsync(challenge, target, scopes, cancellationToken).ConfigureAwait(false));
        }
        finally
        {
            _gate.Release();
        }
    }

    public void Dispose() => _gate.Dispose();

    private static string KeyOf(IEnumerable<string> scopes) => string.Join(' ', scopes.Order(StringComparer.Ordinal));

    private static AuthenticationHeaderValue Bearer(AccessToken token) => new("Bearer", token.Value);

    private async Task<AuthenticationHeaderValue?> PasswordAsync(RepositoryAddress target, AuthenticationHeaderValue? used, CancellationToken cancellationToken)
    {
        var found = await FindCredentialsAsync(target, cancellationToken).ConfigureAwait(false);
        if (found is null || found.IdentityToken is not null || BasicOf(found).Equals(used))
        {
            return null;
        }

        return _passwords[target.Name] = BasicOf(found);
    }

    private async Task<AccessToken> TokenAsync(Challenge challenge, RepositoryAddress target, IReadOnlyList<string> scopes, CancellationToken cancellationToken)
    {
        var key = KeyOf(scopes);
        if (_tokens.TryGetValue(key, out var known) && known.IsGood)
        {
            return known;
        }

        var realm = RealmOf(challenge);
        var found = await FindCredentialsAsync(target, cancellationToken).ConfigureAwait(false);
        if (found is not null && !IsTrusted(realm))
        {
            transport.Logger.CredentialsWithheld(realm.GetLeftPart(UriPartial.Authority), endpoint.Name);
            _withheldFrom = realm;
            found = null;
        }

        if (_tokens.Count >= MaxTokens)
        {
            _tokens.Clear();
        }

        return _tokens[key] = await AccessToken.RequestAsync(transport, endpoint, realm, challenge.Find("service"), scopes, found, Hint, cancellationToken).ConfigureAwait(false);
    }

    private async Task<RegistryCredentials?> FindCredentialsAsync(RepositoryAddress target, CancellationToken cancellationToken)
    {
        var found = await credentials.FindAsync(new CredentialRequest(endpoint.Name, target.Name), cancellationToken).ConfigureAwait(false);
        _hadCredentials |= found is not null;
        return found;
    }

    private Uri RealmOf(Challenge challenge) =>
        Uri.TryCreate(challenge.Find("realm"), UriKind.Absolute, out var realm) && (realm.Scheme == Uri.UriSchemeHttps || (realm.Scheme == Uri.UriSchemeHttp && (endpoint.IsPlain || IsListed(realm))))
            ? realm
            : throw new RegistryException($"The registry '{endpoint.Name}' names a token service that is no HTTPS address: '{RegistryErrors.Harmless(challenge.Find("realm"))}'.");

    private bool IsTrusted(Uri realm) => endpoint.Owns(realm) || IsListed(realm) || (endpoint.Name == "docker.io" && RegistryEndpoint.IsSameOrigin(realm, new Uri(HubRealm)));

    private bool IsListed(Uri realm) => transport.Options.TrustedTokenRealms.Any(trusted => Uri.TryCreate(trusted, UriKind.Absolute, out var origin) && RegistryEndpoint.IsSameOrigin(realm, origin));
}
