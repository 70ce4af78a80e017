using System.Diagnostics;
using System.Text.RegularExpressions;
using ContainerKit.Tests.Linux.Support;
using ContainerKit.Tests.Shared.Registry;

namespace ContainerKit.Tests.Linux.Registry;

/// <summary>Debian's docker-registry, on a port that the kernel chooses, with its data in a directory that goes away. It ends with this object.</summary>
internal sealed partial class DebianRegistry : IDisposable
{
    public const string User = "someone";
    public const string Password = "a secret: with a colon";

    private readonly TemporaryDirectory _directory = new();
    private readonly Process _process;

    /// <param name="certificates">Makes it speak TLS, and ask for user and password; null: neither.</param>
    /// <param name="wantsCertificate">Has it ask for a certificate that the authority signed, instead of user and password; its own is signed by an authority in between.</param>
    public DebianRegistry(TestCertificates? certificates = null, bool wantsCertificate = false)
    {
        IsProtected = certificates is not null;
        var config = _directory.Write("config.yml", $$"""
            version: 0.1
            log: { level: info, accesslog: { disabled: true } }
            storage: { filesystem: { rootdirectory: {{_directory.MakeDirectory("data")}} }, delete: { enabled: true } }
            http:
              addr: 127.0.0.1:0
            {{(certificates is null ? "" : wantsCertificate ? ProtectByCertificate(certificates) : Protect(certificates))}}
            """);
        _process = Process.Start(new ProcessStartInfo(HostPath.Find("docker-registry")!, ["serve", config]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        Host = ReadHost();

        // Nobody wants to know the rest of what it says; somebody has to take it.
        _ = _process.StandardError.BaseStream.CopyToAsync(Stream.Null);
        _ = _process.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
    }

    /// <summary>What the fixtures that use it need.</summary>
    public static IEnumerable<string> Programs { get; } = ["docker-registry", "htpasswd", "skopeo"];

    /// <summary>Host and port, as image names have them.</summary>
    public string Host { get; }

    public bool IsProtected { get; }

    /// <summary>A directory with the authority's certificate, as skopeo reads it.</summary>
    public string CertificateDirectory => _directory.MakeDirectory("certificates");

    /// <summary>The authority's certificate.</summary>
    public string AuthorityFile => Path.Combine(CertificateDirectory, "ca.crt");

    /// <summary>Runs skopeo on this registry; the option's names differ between its commands, and the prefix is what they differ in.</summary>
    public string Skopeo(string prefix, params string[] arguments)
    {
        var policy = _directory.Write("policy.json", """{"default":[{"type":"insecureAcceptAnything"}]}""");
        string[] access = IsProtected
            ? [$"--{prefix}cert-dir", CertificateDirectory, $"--{prefix}creds", $"{User}:{Password}"]
            : [$"--{prefix}tls-verify=false"];
        return Shell.Run("skopeo", ["--policy", policy, arguments[0], .. access, .. arguments[1..]]);
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _directory.Dispose();
    }

    [GeneratedRegex("listening on (127\\.0\\.0\\.1:[0-9]+)")]
    private static partial Regex HostPattern();

    private string ReadHost()
    {
        while (_process.StandardError.ReadLine() is { } line)
        {
            if (HostPattern().Match(line) is { Success: true } match)
            {
                return match.Groups[1].Value;
            }
        }

        throw new InvalidOperationException("docker-registry ended before it listened.");
    }

    private string ProtectByCertificate(TestCertificates certificates)
    {
        File.WriteAllText(AuthorityFile, certificates.Authority.ExportCertificatePem());
        var certificate = _directory.Write("server.crt", certificates.Behind.ExportCertificatePem() + "\n" + certificates.Between.ExportCertificatePem());
        var key = _directory.Write("server.key", certificates.BehindKeyPem);
        return $$"""
              tls: { certificate: {{certificate}}, key: {{key}}, clientcas: [ {{AuthorityFile}} ] }
            """;
    }

    private string Protect(TestCertificates certificates)
    {
        File.WriteAllText(AuthorityFile, certificates.Authority.ExportCertificatePem());
        var certificate = _directory.Write("server.crt", certificates.Server.ExportCertificatePem());
        var key = _directory.Write("server.key", certificates.ServerKeyPem);
        var users = _directory.Write("htpasswd", Shell.Run("htpasswd", "-nbB", User, Password));
        return $$"""
              tls: { certificate: {{certificate}}, key: {{key}} }
            auth: { htpasswd: { realm: test, path: {{users}} } }
            """;
    }
}
