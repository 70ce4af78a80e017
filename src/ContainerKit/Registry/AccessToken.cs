using System.Net;
using System.Text.Json.Nodes;
using ContainerKit.Images;

namespace ContainerKit.Registry;

/// <summary>What a token service gave, and until when it is good. Distribution project, "Token Authentication Specification".</summary>
internal sealed record AccessToken(string Value, DateTimeOffset Expires)
{
    private const int MaxAnswerBytes = 256 << 10;
    private const int MaxLength = 128 << 10;
    private const string Client = "containerkit";

    // The specification's own: what says nothing is good for a minute.
    private static readonly TimeSpan ShortestLife = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan LongestLife = TimeSpan.FromHours(1);

    public bool IsGood => DateTimeOffset.UtcNow < Expires;

    /// <summary>Asks for a token.</summary>
    /// <param name="transport">Sends the request.</param>
    /// <param name="endpoint">The registry that it is for.</param>
    /// <param name="realm">The token service.</param>
    /// <param name="service">What the registry calls itself there, or null.</param>
    /// <param name="scopes">What it must allow.</param>
    /// <param name="credentials">Who asks, or null for anybody.</param>
    /// <param name="hint">What the user can do when there is no token.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<AccessToken> RequestAsync(
        RegistryTransport transport, RegistryEndpoint endpoint, Uri realm, string? service, IReadOnlyList<string> scopes, RegistryCredentials? credentials, string hint, CancellationToken cancellationToken)
    {
        var asked = DateTimeOffset.UtcNow;
        using var response = await transport.SendToRealmAsync(
            endpoint, realm, () => credentials?.IdentityToken is { } refresh ? Exchange(realm, service, scopes, refresh) : Ask(realm, service, scopes, credentials), cancellationToken).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.OK)
        {
            var refusal = await RegistryErrors.OfAsync(response, endpoint, scopes.Count > 0 ? $"a token for '{string.Join(' ', scopes)}'" : "a token", transport.Options.Timeout, cancellationToken).ConfigureAwait(false);
            throw new RegistryException(refusal.Message, refusal) { StatusCode = refusal.StatusCode, Hint = hint };
        }

        var body = await Body.ReadAsync(response, MaxAnswerBytes, transport.Options.Timeout, cancellationToken).ConfigureAwait(false);
        return Read(RegistryErrors.Parse(body, $"answer of the token service {realm.Host}", MaxAnswerBytes), realm, asked);
    }

    private static AccessToken Read(JsonObject answer, Uri realm, DateTimeOffset asked)
    {
        try
        {
            var what = $"answer of the token service {realm.Host}";
            var value = answer.FindString("token", what) is { Length: > 0 } token ? token : answer.FindString("access_token", what);
            var life = answer["expires_in"] is null ? ShortestLife : TimeSpan.FromSeconds(Math.Clamp(answer.GetInt64("expires_in", what), ShortestLife.TotalSeconds, LongestLife.TotalSeconds));
            // It becomes a header: whatever could end that, or begin another, is no token.
            return value is { Length: > 0 and <= MaxLength } && !value.AsSpan().ContainsAnyExceptInRange('\x21', '\x7e')
                ? new AccessToken(value, asked + life * 0.9)
                : throw new RegistryException($"The {what} holds no token.");
        }
        catch (ImageException e)
        {
            throw new RegistryException(e.Message, e);
        }
    }

    private static HttpRequestMessage Ask(Uri realm, string? service, IReadOnlyList<string> scopes, RegistryCredentials? credentials)
    {
        var query = new List<string>(scopes.Select(scope => $"scope={Uri.EscapeDataString(scope)}"));
        if (service is not null)
        {
            query.Insert(0, $"service={Uri.EscapeDataString(service)}");
        }

        if (credentials is not null)
        {
            query.Add($"account={Uri.EscapeDataString(credentials.Username)}");
        }

        var message = new HttpRequestMessage(HttpMethod.Get, new UriBuilder(realm) { Query = string.Join('&', (string[])[.. realm.Query.TrimStart('?') is { Length: > 0 } own ? [own] : (string[])[], .. query]) }.Uri);
        message.Headers.Authorization = credentials is null ? null : Authenticator.BasicOf(credentials);
        return message;
    }

    // OAuth 2, as the distribution project's "Docker Registry v2 authentication using OAuth2" has it.
    private static HttpRequestMessage Exchange(Uri realm, string? service, IReadOnlyList<string> scopes, string identityToken) => new(HttpMethod.Post, realm)
    {
        Content = new FormUrlEncodedContent(
        [
            new("grant_type", "refresh_token"),
            new("service", service ?? ""),
            new("client_id", Client),
            new("scope", string.Join(' ', scopes)),
            new("refresh_token", identityToken),
        ]),
    };
}
