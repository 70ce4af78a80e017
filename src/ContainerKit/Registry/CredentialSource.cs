namespace ContainerKit.Registry;

/// <summary>Finds credentials: the program's own delegate is asked first, then the files that docker and podman write.</summary>
internal sealed class CredentialSource(RegistryOptions options)
{
    /// <summary>Podman's variable for a file of one's own.</summary>
    public const string FileVariable = "REGISTRY_AUTH_FILE";

    public async Task<RegistryCredentials?> FindAsync(CredentialRequest request, CancellationToken cancellationToken)
    {
        if (options.Credentials is { } ask && await ask(request, cancellationToken).ConfigureAwait(false) is { } own)
        {
            return own;
        }

        foreach (var path in options.AuthFiles ?? UsualPlaces())
        {
            if (AuthFile.TryRead(path, isRequired: options.AuthFiles is not null) is { } file && await FindAsync(file, request, cancellationToken).ConfigureAwait(false) is { } found)
            {
                return found;
            }
        }

        return null;
    }

    /// <summary>Where podman and docker put them, in podman's order: containers-auth.json(5).</summary>
    public static IEnumerable<string> UsualPlaces()
    {
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        string?[] places =
        [
            Environment.GetEnvironmentVariable(FileVariable),
            Below(Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR"), "containers", "auth.json"),
            Below(Environment.GetEnvironmentVariable("XDG_CONFIG_HOME") is { Length: > 0 } configured ? configured : Below(home, ".config"), "containers", "auth.json"),
            Below(Environment.GetEnvironmentVariable("DOCKER_CONFIG") is { Length: > 0 } docker ? docker : Below(home, ".docker"), "config.json"),
        ];
        return places.Where(place => !string.IsNullOrEmpty(place)).Select(place => place!);
    }

    private static string? Below(string? directory, params string[] names) => string.IsNullOrEmpty(directory) ? null : Path.Combine([directory, .. names]);

    private static async Task<RegistryCredentials?> FindAsync(AuthFile file, CredentialRequest request, CancellationToken cancellationToken)
    {
        if (file.HelperOf(request.Registry) is { } helper)
        {
            return await CredentialHelper.GetAsync(helper, AuthFile.ServerOf(request.Registry), cancellationToken).ConfigureAwait(false);
        }

        return file.Find(request)
            ?? (file.DefaultHelper is { } store ? await CredentialHelper.GetAsync(store, AuthFile.ServerOf(request.Registry), cancellationToken).ConfigureAwait(false) : null);
    }
}
