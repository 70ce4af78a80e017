using System.Net;
using System.Runtime.CompilerServices;
using ContainerKit.Registry;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContainerKit;

/// <summary>
/// What can be asked of registries without a store: which tags there are, what a tag means, what refers to an image; and deleting. Images
/// are fetched and sent by <see cref="ImageStore"/>. Thread-safe. OCI distribution specification 1.1, and Docker's registry protocol v2.
/// </summary>
public sealed class RegistryClient : IDisposable
{
    /// <summary>Creates a client. Nothing is asked of anybody by this.</summary>
    /// <param name="options">How registries are spoken to; null: as usual.</param>
    /// <param name="loggerFactory">Where events are logged; null: nowhere.</param>
    /// <exception cref="ArgumentException">An option makes no sense.</exception>
    public RegistryClient(RegistryOptions? options = null, ILoggerFactory? loggerFactory = null) =>
        Transport = new RegistryTransport((options ?? new RegistryOptions()).Checked(), loggerFactory?.CreateLogger("ContainerKit.Registry") ?? NullLogger.Instance);

    /// <summary>The same connections and tokens, for the façade's use.</summary>
    internal RegistryTransport Transport { get; }

    /// <summary>The tags of a repository, in the registry's order.</summary>
    /// <param name="repository">Its name, such as <c>debian</c> or <c>registry.example:5000/team/app</c>, without a tag.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="RegistryException">There is no such repository, or the registry does not say.</exception>
    /// <exception cref="FormatException"><paramref name="repository"/> is no repository's name.</exception>
    public IAsyncEnumerable<string> TagsAsync(string repository, CancellationToken cancellationToken = default) =>
        RegistryListing.TagsAsync(Transport, AddressOf(RepositoryOf(repository)), cancellationToken);

    /// <summary>What a name means now.</summary>
    /// <param name="reference">An image's name with a tag or a digest.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The manifest, or the index where there are images for several platforms; null when the registry has none of that name.</returns>
    /// <exception cref="RegistryException">The registry does not say.</exception>
    /// <exception cref="FormatException"><paramref name="reference"/> is not an image name.</exception>
    public async Task<Descriptor?> ResolveAsync(string reference, CancellationToken cancellationToken = default)
    {
        var name = NameOf(reference);
        var source = AddressOf(name);
        var request = RegistryDocument.Request(source, name.Digest?.ToString() ?? name.Tag!, HttpMethod.Head);
        using var response = await Transport.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }

        if (response.StatusCode != HttpStatusCode.OK)
        {
            throw await Transport.RefusalAsync(request, response, $"to say what '{name}' is", cancellationToken).ConfigureAwait(false);
        }

        // Some registries answer without digest or length: then the document itself tells.
        return RegistryDocument.SaidDigest(response) is { } digest && response.Content.Headers is { ContentLength: > 0 and var size, ContentType.MediaType: { } type } && (name.Digest ?? digest) == digest
            ? new Descriptor(type, digest, size)
            : (await FetchAsync(source, name, cancellationToken).ConfigureAwait(false)).Descriptor;
    }

    /// <summary>
    /// Deletes what a registry has under a name. A tag: that tag, and no other of the same image; a registry that cannot do that refuses. A digest: the
    /// manifest, with every tag that it has. The blobs go when the registry collects them.
    /// </summary>
    /// <param name="reference">An image's name with a tag or a digest.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="RegistryException">There is no such manifest, or it may not be deleted.</exception>
    /// <exception cref="FormatException"><paramref name="reference"/> is not an image name.</exception>
    public async Task DeleteAsync(string reference, CancellationToken cancellationToken = default)
    {
        var name = NameOf(reference);
        var target = AddressOf(name);
        var request = new RegistryRequest(target, HttpMethod.Delete, target.Url($"manifests/{name.Digest?.ToString() ?? name.Tag}")) { Scopes = [target.DeleteScope] };
        using var response = await Transport.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode is HttpStatusCode.Accepted or HttpStatusCode.OK or HttpStatusCode.NoContent)
        {
            return;
        }

        var refusal = await Transport.RefusalAsync(request, response, $"to delete '{name}'", cancellationToken).ConfigureAwait(false);
        throw name.Digest is null && response.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.MethodNotAllowed or HttpStatusCode.NotImplemented
            ? new RegistryException(refusal.Message, refusal) { StatusCode = refusal.StatusCode, Hint = "Many registries delete by digest only, which takes all tags of the image along: ResolveAsync tells the digest." }
            : refusal;
    }

    /// <summary>What a registry keeps about an image: everything that names the image's digest as its subject.</summary>
    /// <param name="reference">The image, by digest or tag.</param>
    /// <param name="artifactType">Only what is of this type; null: all.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="RegistryException">The registry does not say, or has no such image.</exception>
    /// <exception cref="FormatException"><paramref name="reference"/> is not an image name.</exception>
    public async IAsyncEnumerable<Referrer> ReferrersAsync(string reference, string? artifactType = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var name = NameOf(reference);
        var source = AddressOf(name);
        var digest = name.Digest
            ?? (await ResolveAsync(reference, cancellationToken).ConfigureAwait(false))?.Digest
            ?? throw new RegistryException($"The registry '{source.Endpoint.Name}' has no '{name}'.") { StatusCode = HttpStatusCode.NotFound };
        await foreach (var referrer in RegistryListing.ReferrersAsync(Transport, source, digest, artifactType, cancellationToken).ConfigureAwait(false))
        {
            yield return referrer;
        }
    }

    /// <summary>Fetches a manifest or index as it is, verified.</summary>
    /// <param name="reference">An image's name with a tag or a digest.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Its bytes, whose digest is what the registry, and the reference if it has one, say.</returns>
    /// <exception cref="RegistryException">There is none, or the registry does not give it.</exception>
    /// <exception cref="ImageException">It is damaged, too long, or no manifest.</exception>
    /// <exception cref="FormatException"><paramref name="reference"/> is not an image name.</exception>
    public async Task<ReadOnlyMemory<byte>> ReadManifestAsync(string reference, CancellationToken cancellationToken = default)
    {
        var name = NameOf(reference);
        return (await FetchAsync(AddressOf(name), name, cancellationToken).ConfigureAwait(false)).Content;
    }

    /// <summary>
    /// Has a registry look at credentials, and keeps them as <c>docker login</c> does, where docker, podman and this library find them: with the credential
    /// helper that the auth file names for the registry, or else in the file, which only its owner can read.
    /// </summary>
    /// <remarks>
    /// The file is the first of <see cref="RegistryOptions.AuthFiles"/>, or of the usual places, that has an entry of the registry; else the first of
    /// <see cref="RegistryOptions.AuthFiles"/>, <c>$REGISTRY_AUTH_FILE</c>, or docker's own. A registry that asks nobody who they are accepts any credentials.
    /// </remarks>
    /// <param name="registry">The registry as in image names: <c>docker.io</c>, <c>registry.example:5000</c>.</param>
    /// <param name="credentials">Name and password, or an identity token.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="RegistryException">The registry does not accept them, and nothing was kept; or they cannot be kept.</exception>
    /// <exception cref="ArgumentException">The name is empty or holds a colon.</exception>
    public async Task LoginAsync(string registry, RegistryCredentials credentials, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(registry);
        ArgumentNullException.ThrowIfNull(credentials);
        if (credentials.IdentityToken is null && (credentials.Username.Length == 0 || credentials.Username.Contains(':', StringComparison.Ordinal)))
        {
            throw new ArgumentException("A user's name is not empty, and has no colon in it.", nameof(credentials));
        }

        var endpoint = RegistryEndpoint.Of(registry, Transport.Options);
        await Login.TryAsync(Transport, endpoint, credentials, cancellationToken).ConfigureAwait(false);
        await Login.KeepAsync(Login.PlaceFor(endpoint.Name, Transport.Options.AuthFiles), endpoint.Name, credentials, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Forgets a registry's credentials in all of <see cref="RegistryOptions.AuthFiles"/>, or all usual places, and in the credential helpers that they name.</summary>
    /// <param name="registry">The registry as in image names.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Whether there were any.</returns>
    /// <exception cref="RegistryException">A file or a helper fails.</exception>
    public async Task<bool> LogoutAsync(string registry, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(registry);
        var name = RegistryEndpoint.Of(registry, Transport.Options).Name;
        var forgot = false;
        foreach (var place in Transport.Options.AuthFiles ?? CredentialSource.UsualPlaces())
        {
            forgot |= await Login.ForgetAsync(place, name, cancellationToken).ConfigureAwait(false);
        }

        return forgot;
    }

    /// <summary>Closes the connections.</summary>
    public void Dispose() => Transport.Dispose();

    private static ImageReference NameOf(string reference) => ImageReference.Parse(reference) is { HasName: true } name
        ? name
        : throw new FormatException($"'{reference}' is a digest, and not the name of an image in a registry.");

    // With a tag of its own, or a digest, another tag behind it makes no name.
    private static ImageReference RepositoryOf(string repository)
    {
        ArgumentException.ThrowIfNullOrEmpty(repository);
        return ImageReference.TryParse(repository + ":latest", out var name)
            ? name
            : throw new FormatException($"'{repository}' is not a repository's name, which is an image's without tag or digest.");
    }

    private Task<RegistryDocument> FetchAsync(RepositoryAddress source, ImageReference name, CancellationToken cancellationToken) => name.Digest is { } digest
        ? RegistryDocument.FetchAsync(Transport, source, digest, null, cancellationToken)
        : RegistryDocument.FetchAsync(Transport, source, name.Tag!, cancellationToken);

    private RepositoryAddress AddressOf(ImageReference name) => RegistryEndpoint.Of(name.Registry, Transport.Options).At(name.Repository);
}
