namespace ContainerKit;

/// <summary>For what credentials are asked.</summary>
/// <param name="Registry">The registry or mirror, as in image names: <c>docker.io</c>, <c>registry.example:5000</c>.</param>
/// <param name="Repository">The repository there.</param>
public sealed record CredentialRequest(string Registry, string Repository);

/// <summary>Who one is to a registry. Its text form keeps the secret.</summary>
/// <param name="Username">The name.</param>
/// <param name="Password">The password, or an access token that stands for one.</param>
public sealed record RegistryCredentials(string Username, string Password)
{
    /// <summary>A token that the registry's token service gave for a password, and takes in its place (OAuth 2's refresh token); null: there is none.</summary>
    public string? IdentityToken { get; init; }

    /// <summary>The name only.</summary>
    public override string ToString() => $"credentials of '{Username}'";
}
