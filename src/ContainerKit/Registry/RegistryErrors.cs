using System.Net;
using System.Security.Authentication;
using System.Text.Json.Nodes;
using ContainerKit.Images;

namespace ContainerKit.Registry;

/// <summary>Failures of registries as sentences. What a registry says about itself is shown shortened, and without control characters.</summary>
internal static class RegistryErrors
{
    private const int MaxBodyBytes = 64 << 10;
    private const int MaxShown = 300;

    /// <summary>An answer that is no success. OCI distribution specification, "Error Codes".</summary>
    public static async Task<RegistryException> OfAsync(HttpResponseMessage response, RegistryEndpoint endpoint, string attempt, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var said = await SaidAsync(response, timeout, cancellationToken).ConfigureAwait(false);
        var isOwn = response.RequestMessage?.RequestUri is not { } address || endpoint.Owns(address);
        var who = isOwn ? $"The registry '{endpoint.Name}'" : $"{response.RequestMessage!.RequestUri!.GetLeftPart(UriPartial.Authority)}, to which the registry '{endpoint.Name}' points,";
        var asked = RetryPolicy.AskedBy(response.Headers, DateTimeOffset.UtcNow);
        var verb = response.StatusCode == HttpStatusCode.NotFound && attempt.StartsWith("the ", StringComparison.Ordinal) ? "does not have" : "refused";
        return new RegistryException($"{who} {verb} {attempt}: {(int)response.StatusCode} {Harmless(response.ReasonPhrase)}{(said.Length > 0 ? $" ({said})" : "")}.")
        {
            StatusCode = response.StatusCode,
            IsTransient = RetryPolicy.MayPass(response.StatusCode),
            RetryAfter = asked,
            Hint = response.StatusCode == HttpStatusCode.TooManyRequests
                ? $"The registry limits how much is asked of it: try {(asked is { TotalSeconds: > 0 } wait ? $"again in {Math.Ceiling(wait.TotalSeconds):0} s" : "later")}, or with credentials."
                : null,
        };
    }

    /// <summary>No answer at all.</summary>
    public static RegistryException Unreachable(RegistryEndpoint endpoint, Uri address, Exception cause)
    {
        var isUntrusted = cause is HttpRequestException { InnerException: AuthenticationException };
        // "The SSL connection could not be established, see inner exception": the reason is what the inner one says.
        var reason = isUntrusted ? cause.InnerException!.Message : ReasonOf(cause);
        var wantsCertificate = reason.Contains("certificate required", StringComparison.Ordinal) || reason.Contains("alert bad certificate", StringComparison.Ordinal) || reason.Contains("alert unknown ca", StringComparison.Ordinal);
        return new RegistryException($"The registry '{endpoint.Name}' cannot be spoken to at {address.GetLeftPart(UriPartial.Authority)}: {Harmless(reason).TrimEnd('.')}.", cause)
        {
            IsTransient = RetryPolicy.MayPass(cause),
            Hint = isUntrusted
                ? "A registry without TLS must be among RegistryOptions.PlainHttp (ckit: --insecure), and the authority that signed its certificate among CertificateAuthorities (ckit: --ca)."
                : wantsCertificate ? "It lets in who shows a certificate that an authority of its choice signed: RegistryOptions.ClientCertificates (ckit: --cert, --key)." : null,
        };
    }

    /// <summary>Reads a document of the registry protocol, which is nobody's content and has no digest.</summary>
    public static JsonObject Parse(byte[] json, string what, int maxBytes)
    {
        try
        {
            return JsonDocuments.Parse(json, what, maxBytes);
        }
        catch (ImageException e)
        {
            throw new RegistryException(e.Message, e);
        }
    }

    // "An error occurred while sending the request": what it was is what the innermost says.
    private static string ReasonOf(Exception cause) => cause.GetBaseException().Message is var innermost && cause.Message.Contains(innermost, StringComparison.Ordinal)
        ? cause.Message
        : $"{cause.Message.TrimEnd('.')}: {innermost}";

    /// <summary>Text from outside as it can be shown: short, on one line.</summary>
    public static string Harmless(string? text)
    {
        var shown = string.Concat((text ?? "").Take(MaxShown).Select(c => char.IsControl(c) || char.IsSurrogate(c) ? ' ' : c)).Trim();
        return (text ?? "").Length > MaxShown ? shown + "…" : shown;
    }

    private static async Task<string> SaidAsync(HttpResponseMessage response, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (response.RequestMessage?.Method == HttpMethod.Head || response.Content.Headers.ContentType is not { MediaType: "application/json" or "application/problem+json" })
        {
            return "";
        }

        try
        {
            var body = await Body.ReadAsync(response, MaxBodyBytes, timeout, cancellationToken).ConfigureAwait(false);
            var what = "error";
            var errors = JsonDocuments.Parse(body, what, MaxBodyBytes).Objects("errors", what).Take(3);
            return Harmless(string.Join("; ", errors.Select(error => $"{error.FindString("code", what)}: {error.FindString("message", what)}".Trim(' ', ':'))));
        }
        catch (Exception e) when (e is ContainerKitException or HttpRequestException or IOException or TimeoutException)
        {
            // The refusal is known by its status; what it would have said besides is lost.
            return "";
        }
    }
}
