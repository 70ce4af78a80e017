using System.Net.Http.Headers;
using System.Text;

namespace ContainerKit.Registry;

/// <summary>How a registry asks who one is: <c>Bearer realm="…",service="…",scope="…"</c> or <c>Basic realm="…"</c>. RFC 9110, 11.6.1.</summary>
internal sealed record Challenge(string Scheme, IReadOnlyDictionary<string, string> Parameters)
{
    private const int MaxLength = 8192;

    public bool IsBearer => Scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase);

    public bool IsBasic => Scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase);

    public string? Find(string name) => Parameters.GetValueOrDefault(name);

    /// <summary>The challenge to answer: a token where one can be had, else a password; null when there is none that is known.</summary>
    public static Challenge? Choose(HttpResponseHeaders headers)
    {
        var challenges = headers.TryGetValues("WWW-Authenticate", out var values) ? values.SelectMany(ParseAll).ToList() : [];
        return challenges.Find(challenge => challenge.IsBearer && challenge.Find("realm") is not null) ?? challenges.Find(challenge => challenge.IsBasic);
    }

    /// <summary>The challenges of one header; what cannot be read ends the list.</summary>
    public static IReadOnlyList<Challenge> ParseAll(string header)
    {
        var challenges = new List<Challenge>();
        var at = 0;
        while (header.Length <= MaxLength)
        {
            SkipSpace(header, ref at, commas: true);
            if (Token(header, ref at) is not { Length: > 0 } scheme)
            {
                break;
            }

            challenges.Add(new Challenge(scheme, ParseParameters(header, ref at)));
        }

        return challenges;
    }

    private static Dictionary<string, string> ParseParameters(string header, ref int at)
    {
        var parameters = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        while (true)
        {
            var before = at;
            SkipSpace(header, ref at, commas: true);
            var name = Token(header, ref at);
            SkipSpace(header, ref at, commas: false);
            if (name.Length == 0 || at >= header.Length || header[at] != '=')
            {
                // A word without '=' is the next challenge's scheme.
                at = before;
                return parameters;
            }

            at++;
            SkipSpace(header, ref at, commas: false);
            parameters.TryAdd(name, at < header.Length && header[at] == '"' ? Quoted(header, ref at) : Token(header, ref at));
        }
    }

    private static void SkipSpace(string text, ref int at, bool commas)
    {
        while (at < text.Length && (text[at] is ' ' or '\t' || (commas && text[at] == ',')))
        {
            at++;
        }
    }

    private static string Token(string text, ref int at)
    {
        var start = at;
        while (at < text.Length && text[at] is > ' ' and < '\x7f' and not ('"' or ',' or '='))
        {
            at++;
        }

        return text[start..at];
    }

    private static string Quoted(string text, ref int at)
    {
        var value = new StringBuilder();
        for (at++; at < text.Length && text[at] != '"'; at++)
        {
            if (text[at] == '\\' && at + 1 < text.Length)
            {
                at++;
            }

            value.Append(text[at]);
        }

        at = Math.Min(at + 1, text.Length);
        return value.ToString();
    }
}
