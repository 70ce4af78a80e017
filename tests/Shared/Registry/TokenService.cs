using System.Collections.Concurrent;
using System.Text;

namespace ContainerKit.Tests.Shared.Registry;

/// <summary>Gives tokens for user and password, and says what they are good for. Distribution project, "Token Authentication Specification".</summary>
internal sealed class TokenService(RegistryRules rules)
{
    private readonly ConcurrentDictionary<string, string> _scopes = new(StringComparer.Ordinal);

    public string BasicCredentials => "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{rules.User}:{rules.Password}"));

    public HttpAnswer Answer(HttpRequest request)
    {
        var scope = (request.Method == "POST" ? request.Form("scope") : request.Query("scope")) ?? "";
        if (!IsKnown(request) && !(rules.AllowsAnonymousPull && request.Authorization is null))
        {
            return HttpAnswer.Error(401, "UNAUTHORIZED");
        }

        var granted = IsKnown(request) ? scope : PullOnly(scope);
        var token = Guid.NewGuid().ToString("N");
        _scopes[token] = granted;
        return HttpAnswer.Json(200, $$"""{"{{(request.Method == "POST" ? "access_token" : "token")}}":"{{token}}","expires_in":300}""");
    }

    /// <summary>Whether an Authorization header allows something in a repository.</summary>
    public bool Grants(string? authorization, string repository, string action) =>
        authorization is not null
        && authorization.StartsWith("Bearer ", StringComparison.Ordinal)
        && _scopes.TryGetValue(authorization["Bearer ".Length..], out var scopes)
        && (repository.Length == 0 || scopes.Split(' ').Any(scope => Allows(scope, repository, action)));

    public void Expire() => _scopes.Clear();

    private static bool Allows(string scope, string repository, string action) =>
        scope.StartsWith($"repository:{repository}:", StringComparison.Ordinal) && scope[(scope.LastIndexOf(':') + 1)..].Split(',').Any(each => each == action || each == "*");

    private static string PullOnly(string scopes) =>
        string.Join(' ', scopes.Split(' ').Select(scope => scope.Split(',', ':').Contains("pull") ? scope[..(scope.LastIndexOf(':') + 1)] + "pull" : scope));

    private bool IsKnown(HttpRequest request) => request.Method == "POST"
        ? (rules.IdentityToken is not null && request.Form("refresh_token") == rules.IdentityToken)
            || (request.Form("username") == rules.User && request.Form("password") == rules.Password)
        : request.Authorization == BasicCredentials;
}
