using System.Collections.Concurrent;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ContainerKit.Registry;

/// <summary>The HTTP clients: one for each registry that gets a certificate of ours, and one for everything else.</summary>
internal sealed class Connections(RegistryOptions options) : IDisposable
{
    // id-kp-serverAuth. RFC 5280, 4.2.1.12
    private const string ServerPurpose = "1.3.6.1.5.5.7.3.1";

    private readonly ConcurrentDictionary<string, Lazy<HttpClient>> _clients = new();

    /// <summary>The client for a registry's own origin.</summary>
    public HttpClient Of(RegistryEndpoint endpoint)
    {
        var certificate = options.ClientCertificates.FirstOrDefault(pair => RegistryEndpoint.Normalize(pair.Key) == endpoint.Name).Value;
        return certificate is null ? Foreign : Get(endpoint.Name, certificate);
    }

    /// <summary>The client for where registries point to: it has no certificate to show.</summary>
    public HttpClient Foreign => Get("", null);

    public void Dispose()
    {
        foreach (var client in _clients.Values.Where(client => client.IsValueCreated))
        {
            client.Value.Dispose();
        }
    }

    private HttpClient Get(string key, X509Certificate2? certificate) => _clients.GetOrAdd(key, _ => new Lazy<HttpClient>(() => Create(certificate))).Value;

    private HttpClient Create(X509Certificate2? certificate)
    {
        var client = new HttpClient(options.MessageHandler?.Invoke() ?? CreateHandler(certificate))
        {
            // Time is counted between signs of life, and not for a whole blob.
            Timeout = System.Threading.Timeout.InfiniteTimeSpan,
        };
        client.DefaultRequestHeaders.UserAgent.ParseAdd("ContainerKit");
        return client;
    }

    private SocketsHttpHandler CreateHandler(X509Certificate2? certificate)
    {
        var handler = new SocketsHttpHandler
        {
            // Who follows a redirect must know that credentials stay behind; and a blob's digest is that of the bytes as they are sent.
            AllowAutoRedirect = false,
            AutomaticDecompression = System.Net.DecompressionMethods.None,
            UseCookies = false,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        };
        if (certificate is not null)
        {
            handler.SslOptions.ClientCertificates = [certificate];
        }

        if (options.CertificateAuthorities.Count > 0)
        {
            handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, chain, errors) => errors == SslPolicyErrors.None
                || (errors == SslPolicyErrors.RemoteCertificateChainErrors && shown is not null && IsSignedByOurs(shown, chain?.ChainPolicy.ExtraStore));
        }

        return handler;
    }

    // Only the chain was in doubt: name and presence were checked, and dates and purposes are checked here again.
    private bool IsSignedByOurs(X509Certificate shown, X509Certificate2Collection? between)
    {
        using var certificate = new X509Certificate2(shown);
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ServerPurpose));
        // What is missing between may be named in a certificate by its address: nobody has asked us to fetch from there.
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.CustomTrustStore.AddRange(options.CertificateAuthorities.ToArray());
        chain.ChainPolicy.ExtraStore.AddRange(between ?? []);
        return chain.Build(certificate);
    }
}
