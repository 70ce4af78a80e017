using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using Microsoft.Extensions.Logging;

namespace ContainerKit.Registry;

/// <summary>Sends requests to registries: with credentials where they belong, through redirects, again where that may help.</summary>
internal sealed class RegistryTransport(RegistryOptions options, ILogger logger) : IDisposable
{
    private const int MaxRedirects = 8;

    private readonly Connections _connections = new(options);
    private readonly CredentialSource _credentials = new(options);
    private readonly ConcurrentDictionary<(string, Uri), Authenticator> _authenticators = new();

    public RegistryOptions Options => options;

    public ILogger Logger => logger;

    public RetryPolicy Retries { get; } = RetryPolicy.Of(options);

    /// <summary>Sends a request until it is answered by something that will not pass by itself: success, or a refusal.</summary>
    /// <returns>The answer, whose body has not been read; the caller looks at its status.</returns>
    /// <exception cref="RegistryException">There was no such answer.</exception>
    public async Task<HttpResponseMessage> SendAsync(RegistryRequest request, CancellationToken cancellationToken)
    {
        var authenticator = AuthenticatorOf(request.Target.Endpoint);
        return await SendAsync(
            request.Target.Endpoint, request.Url, request.IsTriedOnce ? Retries with { MaxAttempts = 1 } : Retries, () => SendOnceAsync(request, authenticator, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>What went wrong with a request, as an exception; it reads the answer's body.</summary>
    public async Task<RegistryException> RefusalAsync(RegistryRequest request, HttpResponseMessage response, string attempt, CancellationToken cancellationToken)
    {
        var refusal = await RegistryErrors.OfAsync(response, request.Target.Endpoint, attempt, options.Timeout, cancellationToken).ConfigureAwait(false);
        return response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden && response.RequestMessage?.RequestUri is { } address && request.Target.Endpoint.Owns(address)
            ? new RegistryException(refusal.Message, refusal) { StatusCode = refusal.StatusCode, Hint = AuthenticatorOf(request.Target.Endpoint).Hint }
            : refusal;
    }

    /// <summary>What the user can do about credentials that were not sent, because the registry has others look at them; null where they were, or nobody asked.</summary>
    public string? HintOfWithheld(RegistryEndpoint endpoint) => AuthenticatorOf(endpoint) is { HasWithheld: true } authenticator ? authenticator.Hint : null;

    /// <summary>Waits between two attempts.</summary>
    /// <returns>False when there is no further attempt to be made.</returns>
    public async Task<bool> PauseAsync(int attempt, TimeSpan? asked, Uri address, string reason, CancellationToken cancellationToken)
    {
        if (Retries.PauseAfter(attempt, asked, Random.Shared.NextDouble()) is not { } pause)
        {
            return false;
        }

        logger.TryingAgain(address.GetLeftPart(UriPartial.Path), pause, reason);
        await Task.Delay(pause, cancellationToken).ConfigureAwait(false);
        return true;
    }

    public void Dispose()
    {
        _connections.Dispose();
        foreach (var authenticator in _authenticators.Values)
        {
            authenticator.Dispose();
        }
    }

    /// <summary>Asks a token service; it is never led elsewhere.</summary>
    internal Task<HttpResponseMessage> SendToRealmAsync(RegistryEndpoint endpoint, Uri realm, Func<HttpRequestMessage> message, CancellationToken cancellationToken) =>
        SendAsync(endpoint, realm, Retries, () => SendGuardedAsync(ClientOf(endpoint, realm), options.Timeout, _ => message(), cancellationToken), cancellationToken);

    private async Task<HttpResponseMessage> SendAsync(RegistryEndpoint endpoint, Uri address, RetryPolicy retries, Func<Task<HttpResponseMessage>> send, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            RegistryException failure;
            try
            {
                var response = await send().ConfigureAwait(false);
                if (!RetryPolicy.MayPass(response.StatusCode))
                {
                    return response;
                }

                using (response)
                {
                    failure = await RegistryErrors.OfAsync(response, endpoint, "the request", options.Timeout, cancellationToken).ConfigureAwait(false);
                }
            }
            catch (Exception e) when (e is HttpRequestException or IOException or TimeoutException && !cancellationToken.IsCancellationRequested)
            {
                failure = RegistryErrors.Unreachable(endpoint, address, e);
                if (!failure.IsTransient)
                {
                    throw failure;
                }
            }

            if (attempt >= retries.MaxAttempts || !await PauseAsync(attempt, failure.RetryAfter, address, failure.Message, cancellationToken).ConfigureAwait(false))
            {
                throw failure;
            }
        }
    }

    private async Task<HttpResponseMessage> SendOnceAsync(RegistryRequest request, Authenticator authenticator, CancellationToken cancellationToken)
    {
        if (request.IsAnonymous)
        {
            return await FollowAsync(request, null, cancellationToken).ConfigureAwait(false);
        }

        var authorization = await authenticator.KnownAsync(request.Target, request.Scopes, cancellationToken).ConfigureAwait(false);
        var response = await FollowAsync(request, authorization, cancellationToken).ConfigureAwait(false);

        // Only the registry itself is answered when it asks who we are, never one that it redirected to.
        if (response.StatusCode != HttpStatusCode.Unauthorized || !request.Target.Endpoint.Owns(response.RequestMessage!.RequestUri!))
        {
            return response;
        }

        try
        {
            if (await authenticator.AnswerAsync(response, request.Target, request.Scopes, authorization, cancellationToken).ConfigureAwait(false) is not { } answer)
            {
                return response;
            }

            authorization = answer;
        }
        catch
        {
            response.Dispose();
            throw;
        }

        response.Dispose();
        return await FollowAsync(request, authorization, cancellationToken).ConfigureAwait(false);
    }

    private async Task<HttpResponseMessage> FollowAsync(RegistryRequest request, AuthenticationHeaderValue? authorization, CancellationToken cancellationToken)
    {
        var endpoint = request.Target.Endpoint;
        var address = request.Url;
        for (var hop = 0; ; hop++)
        {
            RequireAllowed(endpoint, address);
            var here = address;
            var response = await SendGuardedAsync(request.IsAnonymous ? _connections.Foreign : ClientOf(endpoint, here), options.Timeout * request.Patience, signOfLife => Authorize(request.ToMessage(here, signOfLife), endpoint, authorization), cancellationToken).ConfigureAwait(false);
            if (!IsRedirect(response, request.Method) || response.Headers.Location is not { } location)
            {
                return response;
            }

            response.Dispose();
            address = hop < MaxRedirects ? endpoint.Resolve(here, location) : throw new RegistryException($"The registry '{endpoint.Name}' redirects more than {MaxRedirects} times.");
        }
    }

    private static HttpRequestMessage Authorize(HttpRequestMessage message, RegistryEndpoint endpoint, AuthenticationHeaderValue? authorization)
    {
        // An origin is scheme, host and port: whatever differs in one of them gets no credentials (CVE-2020-15157).
        message.Headers.Authorization = endpoint.Owns(message.RequestUri!) ? authorization : null;
        return message;
    }

    private static bool IsRedirect(HttpResponseMessage response, HttpMethod method) => response.StatusCode switch
    {
        HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect => true,
        HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther => method == HttpMethod.Get || method == HttpMethod.Head,
        _ => false,
    };

    private static void RequireAllowed(RegistryEndpoint endpoint, Uri address)
    {
        if (address.Scheme != Uri.UriSchemeHttps && (address.Scheme != Uri.UriSchemeHttp || !endpoint.IsPlain))
        {
            throw new RegistryException($"The registry '{endpoint.Name}' points to {address.GetLeftPart(UriPartial.Authority)}, which is not HTTPS.");
        }
    }

    private HttpClient ClientOf(RegistryEndpoint endpoint, Uri address) => endpoint.Owns(address) ? _connections.Of(endpoint) : _connections.Foreign;

    private static async Task<HttpResponseMessage> SendGuardedAsync(HttpClient client, TimeSpan timeout, Func<Action, HttpRequestMessage> create, CancellationToken cancellationToken)
    {
        using var guard = new StallGuard(timeout, cancellationToken);
        using var message = create(guard.SignOfLife);
        var response = await guard.WaitAsync(token => client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, token)).ConfigureAwait(false);
        response.RequestMessage ??= message;
        return response;
    }

    private Authenticator AuthenticatorOf(RegistryEndpoint endpoint) =>
        _authenticators.GetOrAdd((endpoint.Name, endpoint.Origin), _ => new Authenticator(this, endpoint, _credentials));
}
