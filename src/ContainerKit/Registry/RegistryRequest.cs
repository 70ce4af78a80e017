namespace ContainerKit.Registry;

/// <summary>One request of the protocol, as data: it can be sent several times.</summary>
internal sealed record RegistryRequest(RepositoryAddress Target, HttpMethod Method, Uri Url)
{
    /// <summary>What a token must allow.</summary>
    public required IReadOnlyList<string> Scopes { get; init; }

    public IReadOnlyList<string> Accept { get; init; } = [];

    /// <summary>The first byte that is wanted; 0 for all.</summary>
    public long From { get; init; }

    /// <summary>Makes the body, anew for each attempt; it tells when something moved.</summary>
    public Func<Action, HttpContent>? Content { get; init; }

    /// <summary>Whether one attempt is all: an upload that breaks goes on where it was, and does not begin again.</summary>
    public bool IsTriedOnce { get; init; }

    /// <summary>Whether nobody is told who we are: no credentials, no certificate, and no answer to whoever asks.</summary>
    public bool IsAnonymous { get; init; }

    /// <summary>How many times longer than usual the registry may take to answer.</summary>
    public int Patience { get; init; } = 1;

    public HttpRequestMessage ToMessage(Uri address, Action signOfLife)
    {
        var message = new HttpRequestMessage(Method, address) { Content = Content?.Invoke(signOfLife) };
        foreach (var type in Accept)
        {
            message.Headers.TryAddWithoutValidation("Accept", type);
        }

        if (From > 0)
        {
            message.Headers.Range = new System.Net.Http.Headers.RangeHeaderValue(From, null);
        }

        return message;
    }
}
