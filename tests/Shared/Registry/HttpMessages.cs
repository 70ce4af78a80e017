using System.Text;

namespace ContainerKit.Tests.Shared.Registry;

/// <summary>A request as it came over the wire.</summary>
/// <param name="Method">Such as GET.</param>
/// <param name="Target">Path and query, as they were sent.</param>
/// <param name="Headers">The headers; names in any case.</param>
internal sealed record HttpRequest(string Method, string Target, IReadOnlyDictionary<string, string> Headers)
{
    public string Path => Target.Split('?', 2)[0];

    public string? Authorization => Headers.GetValueOrDefault("Authorization");

    /// <summary>The body; read when the head has been looked at.</summary>
    public byte[] Body { get; init; } = [];

    /// <summary>What became of it; 0 when it got no answer.</summary>
    public int Status { get; set; }

    /// <summary>The decoded parameter of the query, or null.</summary>
    public string? Query(string name) => ParametersOf(Target.Split('?', 2).ElementAtOrDefault(1) ?? "").GetValueOrDefault(name);

    /// <summary>The decoded field of a form in the body, or null.</summary>
    public string? Form(string name) => ParametersOf(Encoding.UTF8.GetString(Body)).GetValueOrDefault(name);

    public override string ToString() => $"{Method} {Target} → {Status}";

    // Where a name is repeated (the scopes of a token), the values are joined by a space, as their own separator is.
    private static Dictionary<string, string> ParametersOf(string text) => text
        .Split('&', StringSplitOptions.RemoveEmptyEntries)
        .Select(pair => pair.Split('=', 2))
        .GroupBy(pair => pair[0], pair => Uri.UnescapeDataString((pair.ElementAtOrDefault(1) ?? "").Replace('+', ' ')))
        .ToDictionary(group => group.Key, group => string.Join(' ', group));
}

/// <summary>An answer before it goes over the wire.</summary>
internal sealed record HttpAnswer(int Status)
{
    public IReadOnlyDictionary<string, string?> Headers { get; init; } = new Dictionary<string, string?>();

    public byte[] Body { get; init; } = [];

    public HttpAnswer With(string name, string? value) => this with { Headers = new Dictionary<string, string?>(Headers, StringComparer.OrdinalIgnoreCase) { [name] = value } };

    /// <summary>An error as registries tell them. OCI distribution specification, "Error Codes".</summary>
    public static HttpAnswer Error(int status, string code, string message = "as the test wants it") =>
        Json(status, $$"""{"errors":[{"code":"{{code}}","message":"{{message}}"}]}""");

    public static HttpAnswer Json(int status, string json) =>
        new HttpAnswer(status) { Body = Encoding.UTF8.GetBytes(json) }.With("Content-Type", "application/json");
}
