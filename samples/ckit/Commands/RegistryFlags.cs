using System.CommandLine;
using System.Security.Cryptography.X509Certificates;
using Ckit.CommandLine;

namespace Ckit.Commands;

/// <summary>What all commands that speak to a registry have in common: how that is done.</summary>
internal sealed class RegistryFlags
{
    private const string CredentialsVariable = "CKIT_CREDS";
    private const int LongestLine = 1 << 16;

    private readonly Option<bool> _insecure = new("--insecure") { Description = "Speaks plain HTTP to the registry and its mirrors." };
    private readonly Option<string?> _credentials = new("--creds")
    {
        Description = $"Who you are to the registry; unless given, ${CredentialsVariable}, or what docker login or podman login wrote. Others on this machine see it: --creds-stdin and the variable keep it to yourself.",
        HelpName = "USER:PASSWORD",
    };

    private readonly Option<bool> _credentialsInput = new("--creds-stdin") { Description = "Reads USER:PASSWORD from the first line of standard input." };
    private readonly Option<string?> _authFile = new("--authfile") { Description = "Where docker login or podman login wrote that.", HelpName = "FILE" };
    private readonly Option<string?> _authority = new("--ca") { Description = "Trusts certificates that these authorities signed, too.", HelpName = "PEM-FILE" };

    private readonly Option<string[]> _realms = new("--token-realm") { Description = "Trusts a token service of another origin with the credentials, such as https://gitlab.example.", HelpName = "URL" };

    private readonly Option<string[]> _mirrors = new("--mirror") { Description = "Asks this one before the registry; pulls only.", HelpName = "HOST[/PREFIX]" };
    private readonly Option<string?> _certificate = new("--cert") { Description = "Shows the registry this certificate.", HelpName = "PEM-FILE" };
    private readonly Option<string?> _key = new("--key") { Description = "The certificate's private key; in the same file unless given.", HelpName = "PEM-FILE" };
    private readonly Option<long?> _chunk = new("--chunk-size") { Description = "Uploads blobs in pieces of so many bytes; in one unless given.", HelpName = "SIZE", CustomParser = Sizes.Parse };

    public void AddTo(Command command)
    {
        AddConnectionTo(command);
        foreach (var option in (Option[])[_credentials, _credentialsInput, _mirrors, _chunk])
        {
            command.Add(option);
        }
    }

    /// <summary>Those alone that say how to get at a registry, for commands that have their own way with credentials.</summary>
    public void AddConnectionTo(Command command)
    {
        foreach (var option in (Option[])[_insecure, _authFile, _authority, _certificate, _key, _realms])
        {
            command.Add(option);
        }
    }

    public RegistryOptions Read(ParseResult line, string image) => ReadFor(line, ImageReference.Parse(image).Registry);

    public RegistryOptions ReadFor(ParseResult line, string registry)
    {
        var credentials = FindCredentials(line) is { } text ? CredentialsOf(text) : null;
        var mirrors = line.GetValue(_mirrors) ?? [];
        return new RegistryOptions
        {
            PlainHttp = line.GetValue(_insecure) ? [registry, .. mirrors.Select(mirror => mirror.Split('/')[0])] : [],
            Mirrors = mirrors.Length > 0 ? new Dictionary<string, IReadOnlyList<string>> { [registry] = mirrors } : new Dictionary<string, IReadOnlyList<string>>(),
            ClientCertificates = CertificateOf(line) is { } certificate ? new Dictionary<string, X509Certificate2> { [registry] = certificate } : new Dictionary<string, X509Certificate2>(),
            UploadChunkBytes = line.GetValue(_chunk),
            AuthFiles = line.GetValue(_authFile) is { } file ? [file] : null,
            TrustedTokenRealms = line.GetValue(_realms) ?? [],
            CertificateAuthorities = line.GetValue(_authority) is { } path ? [.. AuthoritiesIn(path)] : [],
            Credentials = credentials is null ? null : (request, _) => ValueTask.FromResult(request.Registry.Equals(registry, StringComparison.OrdinalIgnoreCase) ? credentials : null),
        };
    }

    private string? FindCredentials(ParseResult line)
    {
        if (!line.GetValue(_credentialsInput))
        {
            return line.GetValue(_credentials) ?? (Environment.GetEnvironmentVariable(CredentialsVariable) is { Length: > 0 } variable ? variable : null);
        }

        if (line.GetValue(_credentials) is not null)
        {
            throw new UsageException("Credentials come by --creds or by --creds-stdin, and not by both.");
        }

        return Console.In.ReadLine() is { Length: > 0 and <= LongestLine } text ? text : throw new UsageException("Standard input holds no USER:PASSWORD.");
    }

    private X509Certificate2? CertificateOf(ParseResult line)
    {
        var (certificate, key) = (line.GetValue(_certificate), line.GetValue(_key));
        if (certificate is null)
        {
            return key is null ? null : throw new UsageException("--key belongs to a --cert.");
        }

        try
        {
            return X509Certificate2.CreateFromPemFile(certificate, key);
        }
        catch (System.Security.Cryptography.CryptographicException e)
        {
            throw new UsageException($"'{certificate}' is no certificate with its key in PEM: {e.Message}", e);
        }
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
