using System.Collections.Concurrent;

namespace ContainerKit.Tests.Shared.Registry;

/// <summary>A document of a registry as it was put.</summary>
internal sealed record StoredManifest(string MediaType, byte[] Content);

/// <summary>What lies in a registry, by repository. Nothing is checked here, so that a test can put what no registry would take.</summary>
internal sealed class RegistryContent
{
    private readonly ConcurrentDictionary<string, RepositoryContent> _repositories = new(StringComparer.Ordinal);

    public IEnumerable<string> Repositories => _repositories.Keys.Order(StringComparer.Ordinal);

    public RepositoryContent this[string repository] => _repositories.GetOrAdd(repository, _ => new RepositoryContent());

    public bool Has(string repository) => _repositories.ContainsKey(repository);

    /// <summary>Puts an image with all that it is made of.</summary>
    public void Add(string repository, string tag, SampleImage image)
    {
        foreach (var blob in image.Blobs)
        {
            this[repository].Blobs[image.NameOf(blob)] = blob;
        }

        this[repository].Manifests[image.Digest] = new StoredManifest(image.MediaType, image.Manifest);
        this[repository].Tags[tag] = image.Digest;
    }

    /// <summary>Puts an index, and the images that it lists.</summary>
    public Digest AddIndex(string repository, string tag, params SampleImage[] images)
    {
        foreach (var image in images)
        {
            Add(repository, $"{tag}-{image.Platform.Architecture}", image);
        }

        return AddManifest(repository, tag, SampleImage.IndexType, SampleImage.IndexOf(images));
    }

    /// <summary>Puts a document, whatever it is, under its digest and a tag.</summary>
    public Digest AddManifest(string repository, string tag, string mediaType, byte[] content)
    {
        var digest = Digest.Of(content);
        this[repository].Manifests[digest] = new StoredManifest(mediaType, content);
        this[repository].Tags[tag] = digest;
        return digest;
    }
}

/// <summary>What lies in one repository.</summary>
internal sealed class RepositoryContent
{
    public ConcurrentDictionary<Digest, StoredManifest> Manifests { get; } = new();

    public ConcurrentDictionary<string, Digest> Tags { get; } = new(StringComparer.Ordinal);

    public ConcurrentDictionary<Digest, byte[]> Blobs { get; } = new();

    /// <summary>What has come of uploads that are not finished.</summary>
    public ConcurrentDictionary<string, byte[]> Uploads { get; } = new(StringComparer.Ordinal);
}
