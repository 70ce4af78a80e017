using System.CommandLine;
using System.Security.Cryptography.X509Certificates;
using Ckit.CommandLine;

namespace Ckit.Commands;

/// <summary>What pull and push have in common: how the registry is spoken to.</summary>
internal sealed class RegistryFlags
{
    private readonly Option<bool> _insecure = new("--insecure") { Description = "Speaks plain HTTP to the registry." };
    private readonly Option<string?> _credentials = new("--creds") { Description = "Who you are to the registry; unless given, what docker login or podman login wrote.", HelpName = "USER:PASSWORD" };
    private readonly Option<string?> _authFile = new("--authfile") { Description = "Where docker login or podman login wrote that.", HelpName = "FILE" };
    private readonly Option<string?> _authority = new("--ca") { Description = "Trusts certificates that these authorities signed, too.", HelpName = "PEM-FILE" };

    private readonly Option<string[]> _realms = new("--token-realm") { Description = "Trusts a token service of another origin with the credentials, such as https://gitlab.example.", HelpName = "URL" };

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_insecure, _credentials, _authFile, _authority, _realms])
        {
            command.Add(option);
        }
    }

    public RegistryOptions Read(ParseResult line, string image)
    {
        var registry = ImageReference.Parse(image).Registry;
        var credentials = line.GetValue(_credentials) is { } text ? CredentialsOf(text) : null;
        return new RegistryOptions
        {
            PlainHttp = line.GetValue(_insecure) ? [registry] : [],
            AuthFiles = line.GetValue(_authFile) is { } file ? [file] : null,
            TrustedTokenRealms = line.GetValue(_realms) ?? [],
            CertificateAuthorities = line.GetValue(_authority) is { } path ? [.. AuthoritiesIn(path)] : [],
            Credentials = credentials is null ? null : (request, _) => ValueTask.FromResult(request.Registry.Equals(registry, StringComparison.OrdinalIgnoreCase) ? credentials : null),
        };
    }

    private static RegistryCredentials CredentialsOf(string text) => text.IndexOf(':', StringComparison.Ordinal) is var colon and > 0
        ? new RegistryCredentials(text[..colon], text[(colon + 1)..])
        : throw new UsageException("Credentials are a name, a colon and a password.");

    private static X509Certificate2Collection AuthoritiesIn(string path)
    {
        var authorities = new X509Certificate2Collection();
        try
        {
            authorities.ImportFromPemFile(path);
        }
        catch (System.Security.Cryptography.CryptographicException e)
        {
            throw new UsageException($"'{path}' is no file of certificates in PEM: {e.Message}", e);
        }

        return authorities.Count > 0 ? authorities : throw new UsageException($"'{path}' holds no certificate in PEM.");
    }
}
