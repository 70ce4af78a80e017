using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ContainerKit.Tests.Shared.Registry;

/// <summary>A certificate authority that nobody knows, and what it signs.</summary>
internal sealed class TestCertificates : IDisposable
{
    private const string ServerPurpose = "1.3.6.1.5.5.7.3.1";
    private const string ClientPurpose = "1.3.6.1.5.5.7.3.2";

    private static readonly DateTimeOffset From = DateTimeOffset.UtcNow.AddDays(-1);
    private static readonly DateTimeOffset To = DateTimeOffset.UtcNow.AddDays(30);

    public TestCertificates()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Test authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        Authority = request.CreateSelfSigned(From, To);
        Server = Sign("CN=127.0.0.1", ServerPurpose, "127.0.0.1", "localhost");
        Other = Sign("CN=other", ServerPurpose, "other.example");
        Client = Sign("CN=client", ClientPurpose, "client.example");
        Misused = Sign("CN=127.0.0.1", ClientPurpose, "127.0.0.1");
        Expired = Sign(Authority, "CN=127.0.0.1", ServerPurpose, From.AddHours(1), "127.0.0.1");
        Between = SignBetween(Authority);
        Behind = Sign(Between, "CN=127.0.0.1", ServerPurpose, To, "127.0.0.1");
    }

    /// <summary>What clients have to trust.</summary>
    public X509Certificate2 Authority { get; }

    /// <summary>A server's at 127.0.0.1, with its key.</summary>
    public X509Certificate2 Server { get; }

    /// <summary>That of a server of another name, with its key.</summary>
    public X509Certificate2 Other { get; }

    /// <summary>One at 127.0.0.1 that is for clients and no server's, with its key.</summary>
    public X509Certificate2 Misused { get; }

    /// <summary>A server's at 127.0.0.1 whose time is over, with its key.</summary>
    public X509Certificate2 Expired { get; }

    /// <summary>An authority that the other one signed.</summary>
    public X509Certificate2 Between { get; }

    /// <summary>A server's at 127.0.0.1 that <see cref="Between"/> signed, with its key.</summary>
    public X509Certificate2 Behind { get; }

    /// <summary>The key of <see cref="Behind"/>, as programs read it.</summary>
    public string BehindKeyPem => KeyOf(Behind);

    /// <summary>The server's key, as programs read it.</summary>
    public string ServerKeyPem => KeyOf(Server);

    /// <summary>The client's key, as programs read it.</summary>
    public string ClientKeyPem => KeyOf(Client);

    /// <summary>A client's, with its key.</summary>
    public X509Certificate2 Client { get; }

    public void Dispose()
    {
        Authority.Dispose();
        Server.Dispose();
        Other.Dispose();
        Client.Dispose();
        Misused.Dispose();
        Expired.Dispose();
        Between.Dispose();
        Behind.Dispose();
    }

    private static string KeyOf(X509Certificate2 certificate)
    {
        using var key = certificate.GetECDsaPrivateKey()!;
        return key.ExportPkcs8PrivateKeyPem();
    }

    private static X509Certificate2 SignBetween(X509Certificate2 issuer)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Between", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        using var signed = request.Create(issuer, From, To, RandomNumberGenerator.GetBytes(16));
        return signed.CopyWithPrivateKey(key);
    }

    private X509Certificate2 Sign(string subject, string purpose, params string[] hosts) => Sign(Authority, subject, purpose, To, hosts);

    private static X509Certificate2 Sign(X509Certificate2 issuer, string subject, string purpose, DateTimeOffset to, params string[] hosts)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        foreach (var host in hosts)
        {
            if (IPAddress.TryParse(host, out var address))
            {
                names.AddIpAddress(address);
            }
            else
            {
                names.AddDnsName(host);
            }
        }

        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(purpose)], critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(issuer, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        using var signed = request.Create(issuer, From, to, RandomNumberGenerator.GetBytes(16));
        using var withKey = signed.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.Exportable);
    }
}
