using System.Net;
using System.Net.Http.Headers;
using System.Security.Authentication;

namespace ContainerKit.Registry;

/// <summary>Says what may pass, and how long to wait for it.</summary>
internal sealed record RetryPolicy(int MaxAttempts, TimeSpan First, TimeSpan Longest)
{
    public static RetryPolicy Of(RegistryOptions options) => new(options.MaxAttempts, options.RetryDelay, options.MaxRetryDelay);

    /// <summary>The pause after an attempt that failed; null: give up.</summary>
    /// <param name="attempt">How many attempts have failed, this one included.</param>
    /// <param name="asked">What the registry asked for, or null.</param>
    /// <param name="chance">Between 0 and 1: many who failed together must not come back together.</param>
    public TimeSpan? PauseAfter(int attempt, TimeSpan? asked, double chance)
    {
        if (attempt >= MaxAttempts || asked > Longest)
        {
            return null;
        }

        var doubled = First * Math.Pow(2, Math.Min(attempt - 1, 20));
        return asked ?? (doubled < Longest ? doubled : Longest) * (0.5 + chance / 2);
    }

    public static bool MayPass(HttpStatusCode status) =>
        status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests
        || ((int)status >= 500 && status is not (HttpStatusCode.NotImplemented or HttpStatusCode.HttpVersionNotSupported));

    /// <summary>Whether the network failed, in a way that may pass.</summary>
    public static bool MayPass(Exception exception) => exception switch
    {
        HttpRequestException { InnerException: AuthenticationException } => false,
        HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse or HttpRequestError.ConfigurationLimitExceeded or HttpRequestError.VersionNegotiationError } => false,
        HttpRequestException or HttpIOException or EndOfStreamException or TimeoutException => true,
        // A file system's failures are IOExceptions, too; the network's have a socket's error inside, or come from the handler above.
        IOException e => e.InnerException is System.Net.Sockets.SocketException,
        _ => false,
    };

    /// <summary>How long the registry asks to wait. RFC 9110, 10.2.3.</summary>
    public static TimeSpan? AskedBy(HttpResponseHeaders headers, DateTimeOffset now) => headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date > now ? date - now : TimeSpan.Zero,
        _ => null,
    };
}
