using System.Security.Cryptography.X509Certificates;

namespace ContainerKit.Tests.Shared.Registry;

/// <summary>How a registry wants to know who asks.</summary>
internal enum Authentication
{
    None,
    Basic,
    Bearer,
}

/// <summary>What a registry is like when nothing goes wrong.</summary>
internal sealed record RegistryRules
{
    public Authentication Authentication { get; init; }

    public string User { get; init; } = "user";

    public string Password { get; init; } = "secret";

    /// <summary>Whether the token service gives tokens for pulling to whoever asks.</summary>
    public bool AllowsAnonymousPull { get; init; }

    /// <summary>Where the token service is said to be; null: here, at <c>/token</c>.</summary>
    public string? TokenRealm { get; init; }

    /// <summary>A token that the token service takes in place of user and password (docker's identity token).</summary>
    public string? IdentityToken { get; init; }

    /// <summary>Where clients are sent for blobs (scheme and host); null: they are here.</summary>
    public string? BlobsAt { get; init; }

    /// <summary>How many names a page of a listing has at most.</summary>
    public int PageSize { get; init; } = 100;

    /// <summary>The least bytes of a chunk that is not the last; 0: none are asked for.</summary>
    public int MinChunkBytes { get; init; }

    public bool AllowsMount { get; init; } = true;

    public bool AllowsDelete { get; init; } = true;

    public bool HasReferrers { get; init; } = true;

    /// <summary>Whether the places of uploads are told without the host.</summary>
    public bool TellsRelativeLocations { get; init; }

    /// <summary>Makes it speak TLS.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>Whether clients must show a certificate.</summary>
    public bool WantsClientCertificate { get; init; }
}
