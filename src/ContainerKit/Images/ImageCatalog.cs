using ContainerKit.Content;
using ContainerKit.Layers;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContainerKit.Images;

/// <summary>A layer that lies in the store, and what it is uncompressed.</summary>
internal sealed record StoredLayer(Descriptor Descriptor, Digest DiffId);

/// <summary>The images that lie in the store. Synchronous: the façade moves it off the caller's thread.</summary>
/// <remarks>
/// <code>
/// ROOT/oci-layout         says that this is an OCI image layout
/// ROOT/index.json         the images, by name; changed under .index.lock and by rename, read without any lock
/// ROOT/.index.copy        the same once more, for the day when it is damaged
/// ROOT/blobs/sha256/HEX   manifests, configs and layers; blobs/sha512/HEX, those that came in under such names
/// ROOT/.sources/HEX       where blobs can be had again
/// ROOT/.contents/HEX      what compressed blobs are uncompressed
/// ROOT/.leases/           what programs hold for a time: ImageLeases
/// ROOT/.tmp/              on its way in
/// ROOT/.lock              shared: someone adds or reads; exclusive: someone sweeps
/// ROOT/.index.lock        exclusive: someone changes index.json
/// </code>
/// </remarks>
internal sealed class ImageCatalog
{
    private const int MinDigestPrefix = 6;
    private const int MaxDigestDigits = 128;

    private readonly StoreIndex _index;
    private readonly ImageLeases _leases;
    private readonly Func<IEnumerable<Digest>> _pinned;

    /// <param name="directory">The directory of the layout; made when it is not there.</param>
    /// <param name="limits">What layers may ask for.</param>
    /// <param name="flush">Whether what is reported done has reached the disk.</param>
    /// <param name="pinned">Digests of manifests that containers stand on: never swept, even without a name.</param>
    /// <param name="logger">Where events go; null: nowhere.</param>
    public ImageCatalog(string directory, LayerLimits? limits = null, bool flush = false, Func<IEnumerable<Digest>>? pinned = null, ILogger? logger = null)
    {
        Logger = logger ?? NullLogger.Instance;
        Limits = limits ?? LayerLimits.Default;
        Blobs = new BlobStore(directory, flush);
        _index = new StoreIndex(Blobs);
        _leases = new ImageLeases(Blobs.Root);
        _pinned = pinned ?? (() => []);
    }

    public BlobStore Blobs { get; }

    /// <summary>Where events go.</summary>
    public ILogger Logger { get; }

    /// <summary>The list of the images.</summary>
    public StoreIndex Index => _index;

    public LayerLimits Limits { get; }

    private string LockPath => Path.Combine(Blobs.Root, ".lock");

    /// <inheritdoc cref="StoreLease"/>
    public StoreLease Lease(CancellationToken cancellationToken) => new(FileLock.Acquire(LockPath, exclusive: false, cancellationToken));

    /// <inheritdoc cref="StoreLease"/>
    public async Task<StoreLease> LeaseAsync(CancellationToken cancellationToken) =>
        new(await FileLock.AcquireAsync(LockPath, exclusive: false, cancellationToken).ConfigureAwait(false));

    /// <summary>Adds a layer whose tar <paramref name="writeTar"/> writes (uncompressed, to its end) to the stream that it is given.</summary>
    public StoredLayer AddLayer(StoreLease lease, Action<Stream> writeTar, CompressionKind compression, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(lease);
        cancellationToken.ThrowIfCancellationRequested();
        using var blob = Blobs.Create();
        Digest diffId;
        using (var compressed = Compression.OpenWrite(blob, compression, leaveOpen: true))
        using (var tar = new HashingStream(compressed))
        {
            writeTar(tar);
            diffId = tar.GetDigest();
        }

        cancellationToken.ThrowIfCancellationRequested();
        return new StoredLayer(blob.Commit(MediaTypes.LayerOf(compression)), diffId);
    }

    /// <summary>
    /// Makes an image of stored layers (the lowest first) and gives it a name. The config's <see cref="ImageConfig.DiffIds"/> are
    /// set from <paramref name="layers"/>; its history is the caller's. The manifest is OCI's, whatever the layers were called before.
    /// </summary>
    public Image CreateImage(StoreLease lease, ImageConfig config, IReadOnlyList<StoredLayer> layers, ImageReference? reference, CancellationToken cancellationToken) =>
        Publish(lease, AddDocuments(lease, config, layers, null), reference, cancellationToken);

    /// <summary>Adds the config and manifest of an image, without giving it a place in the index.</summary>
    /// <param name="lease">Keeps them from being swept.</param>
    /// <param name="config">The config, as for <see cref="CreateImage"/>.</param>
    /// <param name="layers">The layers, the lowest first.</param>
    /// <param name="original">The manifest that this one is a changed version of, of which it keeps annotations and what nobody knows; null for none.</param>
    public Descriptor AddDocuments(StoreLease lease, ImageConfig config, IReadOnlyList<StoredLayer> layers, Manifest? original)
    {
        ArgumentNullException.ThrowIfNull(lease);
        var complete = config with { DiffIds = [.. layers.Select(layer => layer.DiffId)] };
        var configBlob = Blobs.Add(complete.ToJson(), MediaTypes.Config);
        var descriptors = layers.Select(layer => layer.Descriptor).ToArray();
        var manifest = (original is null ? new Manifest(configBlob, descriptors) : original with { Config = configBlob, Layers = descriptors }).ToOci();
        return Blobs.Add(manifest.ToJson(), manifest.MediaType);
    }

    /// <summary>Gives a stored manifest or index, and so all that it refers to, a name (or a place in the index without one).</summary>
    /// <exception cref="ImageException">Something that it refers to is missing or damaged.</exception>
    public Image Publish(StoreLease lease, Descriptor manifest, ImageReference? reference, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(lease);
        var image = Read(manifest, reference);
        var platform = MediaTypes.IsIndex(manifest.MediaType) ? null : image.Config.Platform;
        if (image.Layers.FirstOrDefault(layer => !layer.IsForeign && !Blobs.Contains(layer.Descriptor.Digest)) is { } missing)
        {
            throw new ImageException($"The store has no layer {missing.Descriptor.Digest}, of which the image {manifest.Digest} is made.");
        }

        _index.Change(index => index.With(manifest, platform, reference), cancellationToken);
        return image;
    }

    /// <summary>The image of a name, a digest (of manifest or config) or the beginning of one (6 digits at least); null when there is none.</summary>
    /// <exception cref="ImageException">It is damaged, or several digests begin so.</exception>
    public Image? Find(string text) => FindEntry(_index.Read(), text, alsoInside: true) is var (_, target, reference) ? Read(target, reference) : null;

    /// <summary>Every image, in the order of names; those without one come last.</summary>
    /// <exception cref="ImageException">One of them is damaged.</exception>
    public IReadOnlyList<Image> List() => [.. Entries().Select(TryRead).OfType<Image>()];

    /// <summary>The image of an entry; null when it has been removed since the index was read.</summary>
    public Image? TryRead(IndexEntry entry) => Blobs.Contains(entry.Target.Digest) ? Read(entry.Target, entry.Reference) : null;

    /// <summary>Every entry of the index, in the order of names; those without one come last.</summary>
    public IReadOnlyList<IndexEntry> Entries() =>
    [
        .. _index.Read().Entries.OrderBy(entry => !entry.Reference.HasName).ThenBy(entry => entry.Reference.ToString(), StringComparer.Ordinal),
    ];

    /// <summary>Reads and verifies an image's documents; of its layers it only knows where they are.</summary>
    /// <exception cref="ImageException">A document is missing or damaged.</exception>
    /// <param name="blob">The manifest; or the index, of which the image for this machine is read, or else the first.</param>
    /// <param name="reference">What the image is called.</param>
    public Image Read(Descriptor blob, ImageReference? reference) => MediaTypes.IsIndex(blob.MediaType)
        ? ReadManifest(StoredIndex.Choose(Blobs, blob, Platform.Host), blob, reference)
        : ReadManifest(blob, null, reference);

    /// <summary>Reads the image for a platform of a stored index.</summary>
    public Image Read(Descriptor index, Platform platform, ImageReference? reference) => ReadManifest(StoredIndex.Choose(Blobs, index, platform), index, reference);

    private Image ReadManifest(Descriptor manifestBlob, Descriptor? index, ImageReference? reference)
    {
        var manifest = Manifest.Parse(Blobs.Read(manifestBlob, JsonDocuments.MaxBytes), manifestBlob);
        var config = ImageConfig.Parse(Blobs.Read(manifest.Config, JsonDocuments.MaxBytes), $"config {manifest.Config.Digest}");
        if (config.DiffIds.Count != manifest.Layers.Count)
        {
            throw new ImageException($"The image {manifestBlob.Digest} has {manifest.Layers.Count} layers, and its config names {config.DiffIds.Count}.");
        }

        var layers = manifest.Layers.Zip(config.DiffIds, (blob, diffId) => new Layer(diffId, blob, Blobs, Limits)).ToArray();
        return new Image(reference ?? ImageReference.Nameless(manifestBlob.Digest), manifestBlob, manifest.Config, config, layers) { Index = index, Annotations = manifest.Annotations };
    }

    /// <summary>Holds an image of the store, until the lease ends.</summary>
    /// <exception cref="ImageException">It is no longer in the store.</exception>
    public ImageLease Hold(Image image, CancellationToken cancellationToken)
    {
        var target = image.Index ?? image.Manifest;
        using var lease = Lease(cancellationToken);
        ImageLease? taken = null;
        _index.Change(
            index =>
            {
                if (!index.Entries.Any(entry => entry.Target.Digest == target.Digest || ManifestsOf(entry).Any(manifest => manifest.Digest == target.Digest)))
                {
                    throw new ImageException($"The image '{image}' is no longer in the store.");
                }

                var (held, path) = _leases.Take(target.Digest);
                taken = new ImageLease(image, held, path);
                return index;
            },
            cancellationToken);
        return taken!;
    }

    /// <summary>The digests of manifests and indexes that somebody holds.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    public IReadOnlySet<Digest> Held(CancellationToken cancellationToken)
    {
        IReadOnlySet<Digest> held = new HashSet<Digest>();
        _index.Change(
            index =>
            {
                held = _leases.Held();
                return index;
            },
            cancellationToken);
        return held;
    }

    /// <summary>
    /// Takes a name away, and the image with its last one; a digest (or its beginning) takes away an image that has no more than one
    /// name. What nobody refers to any more is swept, unless someone is adding just now: then a later sweep does it.
    /// </summary>
    /// <exception cref="ImageException">There is no such image, a container stands on it, or a digest was given and it has several names.</exception>
    public void Remove(string text, CancellationToken cancellationToken)
    {
        // Whoever sweeps takes what is half-written, a new index as well, from those who hold no lease.
        using (Lease(cancellationToken))
        {
            _index.Change(index => Without(index, text), cancellationToken);
        }

        Sweep();
    }

    /// <summary>Takes away the images without a name that no container stands on, and sweeps. For housekeeping.</summary>
    /// <returns>How many bytes became free.</returns>
    public long Prune(CancellationToken cancellationToken)
    {
        var pinned = _pinned().ToHashSet();
        using (Lease(cancellationToken))
        {
            _index.Change(
                index =>
                {
                    var held = _leases.Held();
                    return index.Without(entry => !entry.Reference.HasName && !IsHeld(entry, held) && !ManifestsOf(entry).Any(manifest => pinned.Contains(manifest.Digest)));
                },
                cancellationToken);
        }

        return Sweep(freshParts: true) ?? 0;
    }

    /// <summary>Removes the blobs that no image refers to, and what dead processes left half-written.</summary>
    /// <returns>How many bytes became free; null when someone is adding or reading just now, and nothing was done.</returns>
    /// <param name="freshParts">Whether beginnings of blobs go, too, that somebody may yet go on with.</param>
    public long? Sweep(bool freshParts = false)
    {
        using var alone = FileLock.TryAcquire(LockPath, exclusive: true);
        return alone is null ? null : StoreSweep.Run(Blobs, _index, _pinned(), freshParts);
    }

    /// <summary>Sweeps if there is anything half-written, which most of the time is not: looking costs next to nothing.</summary>
    public void SweepLeftOvers()
    {
        if (Blobs.LeftOvers(freshParts: false).Any())
        {
            Sweep();
        }
    }

    private (IndexEntry Entry, Descriptor Target, ImageReference Reference)? FindEntry(ImageIndex index, string text, bool alsoInside)
    {
        if (ImageReference.TryParse(text, out var reference) && reference.HasName)
        {
            // name@digest also means the image with that digest, under any tag of that name.
            var named = index.Find(reference) ?? index.Entries.FirstOrDefault(entry => entry.Descriptor.Digest == reference.Digest
                && (entry.Reference.Registry, entry.Reference.Repository) == (reference.Registry, reference.Repository));
            if (named is not null)
            {
                return (named, named.Target, reference);
            }
        }

        var (algorithm, digits) = text.Split(':') is ["sha256" or "sha512", var behind] parts ? (parts[0], behind) : (null, text);
        if (digits.Length < MinDigestPrefix || digits.Length > MaxDigestDigits || !digits.All(char.IsAsciiHexDigitLower))
        {
            return null;
        }

        var found = index.Entries.SelectMany(entry => (alsoInside ? ManifestsOf(entry).Prepend(entry.Target) : [entry.Target]).Select(target => (entry, target)))
            .DistinctBy(candidate => candidate.target.Digest)
            .Where(candidate => HasDigits(candidate.target, algorithm, digits))
            .Take(2).ToList();
        return found switch
        {
            [] => null,
            [var (entry, target)] => (entry, target, entry.Reference),
            _ => throw new ImageException($"Several images have a digest that begins with '{digits}'; give more of it."),
        };
    }

    private bool IsHeld(IndexEntry entry, IReadOnlySet<Digest> held) =>
        held.Count > 0 && (held.Contains(entry.Target.Digest) || ManifestsOf(entry).Any(manifest => held.Contains(manifest.Digest)));

    /// <summary>The image itself, or those of its index.</summary>
    public IEnumerable<Descriptor> ManifestsOf(IndexEntry entry)
    {
        try
        {
            return MediaTypes.IsIndex(entry.Descriptor.MediaType) ? StoredIndex.Manifests(Blobs, entry.Target) : [entry.Target];
        }
        catch (ImageException)
        {
            // One damaged image must not hide the others.
            return [];
        }
    }

    private bool HasDigits(Descriptor image, string? algorithm, string digits)
    {
        if (Begins(image.Digest))
        {
            return true;
        }

        try
        {
            return MediaTypes.IsManifest(image.MediaType)
                && Begins(Manifest.PartsOf(Blobs.Read(image, JsonDocuments.MaxBytes), image)[0].Digest);
        }
        catch (ImageException)
        {
            // One damaged image must not hide the others.
            return false;
        }

        bool Begins(Digest digest) => (algorithm is null || digest.Algorithm == algorithm) && digest.Hex.StartsWith(digits, StringComparison.Ordinal);
    }

    private ImageIndex Without(ImageIndex index, string text)
    {
        var (entry, _, _) = FindEntry(index, text, alsoInside: false) ?? throw new ImageException($"There is no image '{text}' in the store.");
        var isByName = ImageReference.TryParse(text, out var reference) && reference == entry.Reference && reference.HasName;
        var names = index.Entries.Where(other => other.Descriptor.Digest == entry.Descriptor.Digest && other.Reference.HasName).Select(other => other.Reference).ToList();
        if (!isByName && names.Count > 1)
        {
            throw new ImageException($"The image '{text}' has several names ({string.Join(", ", names)}); remove them one by one.");
        }

        if (names.Count <= 1 && ManifestsOf(entry).Any(manifest => _pinned().Contains(manifest.Digest)))
        {
            throw new ImageException($"Cannot remove the image '{text}': a container stands on it.") { Hint = "Remove the container first, or give the image another name." };
        }

        if (names.Count <= 1 && IsHeld(entry, _leases.Held()))
        {
            // The name is the caller's to take away; the image is somebody else's for a time.
            return isByName ? index.WithoutName(entry) : throw new ImageException($"Cannot remove the image '{text}': a program holds a lease on it.") { Hint = "It can be removed when the lease is disposed of, or its process has ended." };
        }

        return names.Count > 1
            ? index.Without(other => other.Reference == reference)
            : index.Without(other => other.Descriptor.Digest == entry.Descriptor.Digest);
    }
}
