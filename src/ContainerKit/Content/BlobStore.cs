namespace ContainerKit.Content;

/// <summary>The blobs of an OCI image layout: files named by what they hold. OCI image specification, image-layout.md.</summary>
/// <remarks>
/// <code>
/// ROOT/blobs/sha256/HEX   a blob, complete and verified; blobs/sha512/HEX, where somebody has named it so
/// ROOT/.tmp/NAME          something on its way in; whoever holds the store alone may remove it
/// ROOT/.tmp/HEX.part      what is here of a blob that is being fetched; kept for a day, since the next attempt goes on behind it
/// ROOT/.tmp/HEX.lock      held by who fetches that blob (or sends it: there HEX names blob and repository)
/// </code>
/// A blob is written below <c>.tmp</c>, verified, and renamed, so that a name below <c>blobs</c> never stands for anything else
/// than its content. Two who write the same blob at once do twice the work, and no harm.
/// </remarks>
internal sealed class BlobStore : IBlobSource
{
    private const int CopyBytes = 128 << 10;

    private const string PartSuffix = ".part";

    private static readonly string[] Algorithms = ["sha256", "sha512"];

    private static readonly TimeSpan PartsStay = TimeSpan.FromDays(1);

    private readonly string _blobs;
    private readonly bool _flush;

    /// <param name="root">The directory of the layout; made when it is not there.</param>
    /// <param name="flush">Whether a blob reaches the disk before its name appears.</param>
    public BlobStore(string root, bool flush = false)
    {
        Root = Path.GetFullPath(root);
        TemporaryDirectory = Path.Combine(Root, ".tmp");
        _blobs = Path.Combine(Root, "blobs");
        _flush = flush;
        Sources = new BlobSources(this);
        Contents = new BlobContents(this);
        Directory.CreateDirectory(Path.Combine(_blobs, "sha256"));
        Directory.CreateDirectory(TemporaryDirectory);
    }

    /// <summary>The directory of the layout.</summary>
    public string Root { get; }

    /// <summary>Where things are written before they are renamed into place; on the same file system.</summary>
    public string TemporaryDirectory { get; }

    /// <summary>Where blobs can be had again.</summary>
    public BlobSources Sources { get; }

    /// <summary>What compressed blobs are uncompressed, as far as it was seen.</summary>
    public BlobContents Contents { get; }

    public string PathOf(Digest digest) => Path.Combine(_blobs, digest.Algorithm, digest.Hex);

    public bool Contains(Digest digest) => File.Exists(PathOf(digest));

    /// <summary>Reads a blob to its end.</summary>
    /// <returns>What is wrong with it, as a sentence; null when it is what its descriptor says.</returns>
    public string? FindProblem(Descriptor blob, CancellationToken cancellationToken)
    {
        try
        {
            using var content = new VerifyingStream(OpenBlob(blob), blob.Digest, "The blob");
            content.ReadToEnd(cancellationToken);
            return null;
        }
        catch (Exception e) when (e is ImageException or IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    /// <summary>The digest that a blob has by the algorithm of another.</summary>
    public Digest DigestOf(Descriptor blob, Digest like, CancellationToken cancellationToken)
    {
        using var content = new WatchedStream(OpenBlob(blob), null, cancellationToken);
        using var hash = new DigestHasher(like);
        var buffer = new byte[CopyBytes];
        for (int read; (read = content.Read(buffer, 0, buffer.Length)) > 0;)
        {
            hash.Append(buffer.AsSpan(0, read));
        }

        return hash.Finish();
    }

    /// <summary>Every blob there is. Files with other names are not blobs.</summary>
    public IEnumerable<Digest> List() => Algorithms.Where(algorithm => Directory.Exists(Path.Combine(_blobs, algorithm)))
        .SelectMany(algorithm => Directory.EnumerateFiles(Path.Combine(_blobs, algorithm)).Select(path => Digest.TryParse($"{algorithm}:{Path.GetFileName(path)}", out var digest) ? digest : default))
        .Where(digest => digest != default);

    public void Remove(Digest digest) => File.Delete(PathOf(digest));

    /// <summary>A new, empty file below <see cref="TemporaryDirectory"/>.</summary>
    public FileStream CreateTemporary() => new(
        Path.Combine(TemporaryDirectory, Guid.NewGuid().ToString("N")), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete, bufferSize: 1);

    /// <summary>The file that is locked by who fetches a blob, so that it is fetched once.</summary>
    public string PathOfLock(Digest digest) => Path.Combine(TemporaryDirectory, digest.Hex + ".lock");

    /// <summary>The file of a blob that is not complete.</summary>
    public string PathOfPart(Digest digest) => Path.Combine(TemporaryDirectory, digest.Hex + PartSuffix);

    /// <summary>Goes on with a blob of which some may be here. The caller holds its lock.</summary>
    /// <param name="blob">What it is to be.</param>
    /// <param name="verified">Told how much of what is here has been read and hashed; not at all where nothing is.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public PartialBlob Resume(Descriptor blob, Action<long>? verified, CancellationToken cancellationToken) => new(this, blob, _flush, verified, cancellationToken);

    /// <summary>Whether a blob is here.</summary>
    /// <exception cref="ImageException">It is, and is not as long as the descriptor says.</exception>
    public bool Has(Descriptor blob)
    {
        var file = new FileInfo(PathOf(blob.Digest));
        if (file.Exists)
        {
            CheckSize(blob, file.Length);
        }

        return file.Exists;
    }

    /// <summary>What lies in the temporary directory and is of no more use, as nobody is adding anything.</summary>
    /// <param name="freshParts">Whether that includes beginnings of blobs that somebody may yet go on with.</param>
    public IEnumerable<string> LeftOvers(bool freshParts) => Directory.EnumerateFileSystemEntries(TemporaryDirectory)
        .Where(path => freshParts || !path.EndsWith(PartSuffix, StringComparison.Ordinal) || DateTime.UtcNow - File.GetLastWriteTimeUtc(path) > PartsStay);

    /// <summary>Gives a complete and verified file, which nobody has open, the name of what it holds.</summary>
    /// <param name="temporary">The file's path.</param>
    /// <param name="digest">What it holds.</param>
    /// <param name="replaces">Whether what has the name already may be damaged.</param>
    public void Publish(string temporary, Digest digest, bool replaces = false)
    {
        var path = PathOf(digest);
        if (digest.IsSha512)
        {
            // Hardly any store has one.
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        }

        if (!OperatingSystem.IsWindows() || replaces || !File.Exists(path))
        {
            FileReplacement.Move(temporary, path);
            return;
        }

        try
        {
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What others read cannot be replaced there, and need not be: they read the same.
            File.Delete(temporary);
        }
    }

    /// <summary>Begins a blob whose bytes, and so whose name, will be known at its end.</summary>
    public BlobWriter Create() => new(this, _flush, default);

    /// <summary>Begins a blob that is promised to have a name, or is to have one like it.</summary>
    /// <param name="promised">The name, whose algorithm counts.</param>
    /// <param name="replaces"><see cref="BlobWriter.Replaces"/></param>
    public BlobWriter Create(Digest promised, bool replaces = false) => new(this, _flush, promised) { Replaces = replaces };

    /// <summary>Puts a file in the place of another, or where there was none: all of it, or nothing.</summary>
    public void Replace(string path, ReadOnlySpan<byte> content)
    {
        using var file = CreateTemporary();
        try
        {
            file.Write(content);
            file.Flush(_flush);
            file.Dispose();
            FileReplacement.Move(file.Name, path);
        }
        catch
        {
            File.Delete(file.Name);
            throw;
        }
    }

    /// <summary>Adds a small blob.</summary>
    public Descriptor Add(ReadOnlySpan<byte> content, string mediaType)
    {
        using var writer = Create();
        writer.Write(content);
        return writer.Commit(mediaType);
    }

    /// <summary>Adds a small blob under the name that it has elsewhere.</summary>
    /// <exception cref="ImageException">That is not its name.</exception>
    public void Add(ReadOnlySpan<byte> content, Descriptor named)
    {
        using var writer = Create(named.Digest);
        writer.Write(content);
        writer.Commit(named);
    }

    /// <summary>Copies a blob in, unless it is here already.</summary>
    /// <exception cref="ImageException">The source's bytes are not what the descriptor says.</exception>
    public void Copy(IBlobSource source, Descriptor blob, Action<long>? progress, CancellationToken cancellationToken)
    {
        if (Has(blob))
        {
            progress?.Invoke(blob.Size);
            return;
        }

        using var content = source.OpenBlob(blob);
        using var writer = Create(blob.Digest);
        var buffer = new byte[CopyBytes];
        long copied = 0;
        for (int read; (read = content.Read(buffer, 0, buffer.Length)) > 0;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            // Stop at the first byte too many: a lying source must not fill the disk.
            if ((copied += read) > blob.Size)
            {
                throw new ImageException($"The blob {blob.Digest} has more than the {blob.Size} bytes that its descriptor says.");
            }

            writer.Write(buffer, 0, read);
            progress?.Invoke(copied);
        }

        writer.Commit(blob);
    }

    /// <inheritdoc/>
    public Stream OpenBlob(Descriptor blob)
    {
        try
        {
            var file = new FileStream(PathOf(blob.Digest), FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 1);
            if (file.Length == blob.Size)
            {
                return file;
            }

            using (file)
            {
                CheckSize(blob, file.Length);
            }

            return file;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ImageException($"The store has no blob {blob.Digest}.", e);
        }
    }

    /// <summary>Reads a small blob. It got its name when its content had been verified, and <see cref="ContainerHost.CheckAsync"/> does it again.</summary>
    /// <exception cref="ImageException">It is missing, or larger than <paramref name="maxBytes"/> or its descriptor says.</exception>
    public byte[] Read(Descriptor blob, int maxBytes) => ReadUnverified(this, blob, maxBytes);

    /// <summary>Reads a small blob of any source and verifies it.</summary>
    /// <exception cref="ImageException">It is missing, damaged, or larger than <paramref name="maxBytes"/>.</exception>
    public static byte[] Read(IBlobSource source, Descriptor blob, int maxBytes)
    {
        var bytes = ReadUnverified(source, blob, maxBytes);
        return Digest.Of(bytes, like: blob.Digest) == blob.Digest
            ? bytes
            : throw new ImageException($"The document {blob.Digest} is damaged: its content has another digest.");
    }

    private static byte[] ReadUnverified(IBlobSource source, Descriptor blob, int maxBytes)
    {
        if (blob.Size > maxBytes)
        {
            throw new ImageException($"The document {blob.Digest} has {blob.Size} bytes; {maxBytes} are allowed.");
        }

        using var content = source.OpenBlob(blob);
        var bytes = new byte[blob.Size];
        var read = content.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        if (read < bytes.Length || content.ReadByte() >= 0)
        {
            throw new ImageException($"The document {blob.Digest} has not the {blob.Size} bytes that its descriptor says.");
        }

        return bytes;
    }

    internal static void CheckSize(Descriptor blob, long size)
    {
        if (size != blob.Size)
        {
            throw new ImageException($"The blob {blob.Digest} has {size} bytes, and not the {blob.Size} that its descriptor says.");
        }
    }
}
