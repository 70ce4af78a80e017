using System.Text;
using System.Text.Json.Nodes;
using ContainerKit.Images;

namespace ContainerKit.Registry;

/// <summary>A file of credentials as docker (config.json) and podman (auth.json) write it. containers-auth.json(5).</summary>
internal sealed class AuthFile
{
    private const int MaxBytes = 4 << 20;
    private const string HubServer = "https://index.docker.io/v1/";

    private readonly Dictionary<string, RegistryCredentials> _entries = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _helpers = new(StringComparer.Ordinal);
    private readonly HashSet<string> _servers = new(StringComparer.Ordinal);

    private AuthFile(JsonObject document, string what)
    {
        foreach (var (server, entry) in document.FindObject("auths", what) ?? [])
        {
            _servers.Add(KeyOf(server));
            if (entry is JsonObject values && CredentialsOf(values, $"entry '{server}' of the {what}") is { } credentials)
            {
                _entries.TryAdd(KeyOf(server), credentials);
            }
        }

        foreach (var (server, helper) in document.Map("credHelpers", what))
        {
            _helpers.TryAdd(KeyOf(server), helper);
        }

        DefaultHelper = document.FindString("credsStore", what) is { Length: > 0 } store ? store : null;
    }

    /// <summary>The helper that knows all registries, or null.</summary>
    public string? DefaultHelper { get; }

    /// <summary>Reads a file; null when there is none.</summary>
    /// <exception cref="RegistryException">It cannot be read, or it was named and is not there.</exception>
    public static AuthFile? TryRead(string path, bool isRequired) =>
        TryReadBytes(path, isRequired) is { } bytes ? Parse(bytes, NameOf(path)) : null;

    /// <summary>What errors call a file.</summary>
    public static string NameOf(string path) => $"auth file '{path}'";

    /// <summary>A file as it is; null when there is none.</summary>
    /// <exception cref="RegistryException">It cannot be read, or it was named and is not there.</exception>
    public static byte[]? TryReadBytes(string path, bool isRequired)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 1);
            if (file.Length > MaxBytes)
            {
                throw new RegistryException($"The auth file '{path}' has {file.Length} bytes; {MaxBytes} are allowed.");
            }

            var bytes = new byte[file.Length];
            file.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return isRequired ? throw new RegistryException($"There is no auth file '{path}'.", e) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RegistryException($"The auth file '{path}' cannot be read: {e.Message}", e);
        }
    }

    public static AuthFile Parse(ReadOnlySpan<byte> json, string what)
    {
        try
        {
            return new AuthFile(JsonDocuments.Parse(json, what), what);
        }
        catch (ImageException e)
        {
            throw new RegistryException(e.Message, e);
        }
    }

    /// <summary>What a credential helper calls a registry.</summary>
    public static string ServerOf(string registry) => registry == "docker.io" ? HubServer : registry;

    /// <summary>The helper for a registry, or null.</summary>
    public string? HelperOf(string registry) => _helpers.GetValueOrDefault(registry);

    /// <summary>The entry for a repository, for a path above it, or for its registry: the longest counts.</summary>
    public RegistryCredentials? Find(CredentialRequest request)
    {
        for (var key = $"{request.Registry}/{request.Repository}"; ; key = key[..key.LastIndexOf('/')])
        {
            if (_entries.TryGetValue(key, out var found))
            {
                return found;
            }

            if (key.Length <= request.Registry.Length)
            {
                return null;
            }
        }
    }

    /// <summary>Whether the file has an entry of exactly this registry, empty or not.</summary>
    public bool Has(string registry) => _servers.Contains(registry);

    /// <summary>One spelling for each server: docker has written "https://index.docker.io/v1/" and "https://registry.example/v2/"; podman writes "registry.example/team".</summary>
    public static string KeyOf(string server)
    {
        var bare = server[(server.IndexOf("://", StringComparison.Ordinal) is var scheme and >= 0 ? scheme + 3 : 0)..].TrimEnd('/');
        var (host, path) = bare.IndexOf('/', StringComparison.Ordinal) is var slash and >= 0 ? (bare[..slash], bare[slash..]) : (bare, "");
        return RegistryEndpoint.Normalize(host) + (path is "/v1" or "/v2" ? "" : path);
    }

    private static RegistryCredentials? CredentialsOf(JsonObject entry, string what)
    {
        var (username, password) = (entry.FindString("username", what) ?? "", entry.FindString("password", what) ?? "");
        if (entry.FindString("auth", what) is { Length: > 0 } auth)
        {
            var bytes = new byte[auth.Length];
            var text = Convert.TryFromBase64String(auth, bytes, out var length) ? Encoding.UTF8.GetString(bytes, 0, length).TrimEnd('\0') : "";
            var colon = text.IndexOf(':', StringComparison.Ordinal);
            (username, password) = colon > 0 ? (text[..colon], text[(colon + 1)..]) : throw new ImageException($"The {what} is not base64 of a name, a colon and a password.");
        }

        var token = entry.FindString("identitytoken", what) is { Length: > 0 } identity ? identity : null;
        // Docker leaves an empty entry for a registry whose credentials a helper has.
        return username.Length > 0 || token is not null ? new RegistryCredentials(username, password) { IdentityToken = token } : null;
    }
}
