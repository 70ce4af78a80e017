using System.Text;
using System.Text.Json.Nodes;
using ContainerKit.Content;
using ContainerKit.Layers;
using ContainerKit.Linux;

namespace ContainerKit.Images.Archives;

/// <summary>Writes an image to a file or directory. The same image gives the same bytes; the name appears when all of it is there.</summary>
internal sealed class ImageSaver(Image image, BlobStore blobs, IProgress<ImageProgress>? progress, CancellationToken cancellationToken)
{
    private static readonly TimeSpan Abandoned = TimeSpan.FromHours(1);

    private const string LayoutVersion = """{"imageLayoutVersion":"1.0.0"}""";

    /// <summary>The index that is written with all that it lists; null for the image alone.</summary>
    public Descriptor? Index { get; init; }

    public void Save(string path, ImageArchiveFormat format)
    {
        if (format != ImageArchiveFormat.OciDirectory && (Path.EndsInDirectorySeparator(path) || Directory.Exists(path)))
        {
            throw new ImageException("that is a directory, and an archive is a file.");
        }

        path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (IsSpecial(path))
        {
            // It would be replaced by a file of its name: /dev/stdout, for one.
            throw new ImageException("that is no regular file.");
        }

        if (new FileInfo(path).LinkTarget is not null)
        {
            path = File.ResolveLinkTarget(path, returnFinalTarget: true)!.FullName;
        }

        DiscardAbandoned(path);
        var aside = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            if (format == ImageArchiveFormat.OciDirectory)
            {
                WriteDirectory(aside);
                Publish(aside, path);
                return;
            }

            using (var file = new FileStream(aside, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 128 << 10))
            using (var archive = new LayerWriter(file))
            {
                (format == ImageArchiveFormat.Docker ? (Action<LayerWriter>)WriteDocker : WriteOci)(archive);
                archive.Finish();
            }

            File.Move(aside, path, overwrite: true);
        }
        catch
        {
            Discard(aside);
            throw;
        }
    }

    // Of those who were killed while they saved here. Whoever still writes holds the file alone; and it is left alone for a while longer.
    private static void DiscardAbandoned(string path)
    {
        var (name, limit) = (Path.GetFileName(path), DateTime.UtcNow - Abandoned);
        if (Path.GetDirectoryName(path) is not { } directory || !Directory.Exists(directory))
        {
            return;
        }

        foreach (var aside in Directory.EnumerateFiles(directory).Where(IsAside).Where(aside => File.GetLastWriteTimeUtc(aside) < limit))
        {
            try
            {
                using (new FileStream(aside, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
                {
                }

                File.Delete(aside);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Somebody else's, and no reason not to save.
            }
        }

        bool IsAside(string file) => Path.GetFileName(file) is var each && each.Length == name.Length + ".".Length + 32 + ".tmp".Length
            && each.StartsWith(name + ".", StringComparison.Ordinal) && each.EndsWith(".tmp", StringComparison.Ordinal)
            && Guid.TryParseExact(each.AsSpan(name.Length + 1, 32), "N", out _);
    }

    private static bool IsSpecial(string path)
    {
        if (!OperatingSystem.IsLinux() || FileCalls.Local.TryOpen(null, path, OpenFlags.PathOnly, 0, Resolve.Host, out var there) != 0)
        {
            return false;
        }

        using (there)
        {
            return FileCalls.Local.Stat(there).Kind is not (FileKind.File or FileKind.Directory);
        }
    }

    // A foreign layer that is not here is elsewhere for whoever reads the archive, too.
    private IEnumerable<Descriptor> Blobs => (Index is { } index
        ? StoredIndex.Parts(blobs, index).SelectMany(WithParts).Append(index)
        : WithParts(image.Manifest)).Where(blob => !MediaTypes.IsForeign(blob.MediaType) || blobs.Contains(blob.Digest)).DistinctBy(blob => blob.Digest);

    private IEnumerable<Descriptor> WithParts(Descriptor document) => MediaTypes.IsManifest(document.MediaType)
        ? Manifest.PartsOf(blobs.Read(document, JsonDocuments.MaxBytes), document).Append(document)
        : [document];

    private byte[] IndexDocument()
    {
        var entry = Descriptors.ToJson(Index ?? image.Manifest);
        if (image.Reference.HasName)
        {
            entry["annotations"] = new JsonObject
            {
                // OCI's is what skopeo, umoci and podman look for; containerd's is what containerd and docker do.
                [IndexEntry.ContainerdName] = image.Reference.Canonical,
                [IndexEntry.RefName] = image.Reference.ToString(),
            };
        }

        if (Index is null)
        {
            entry["platform"] = Descriptors.ToJson(image.Config.Platform);
        }

        return JsonDocuments.Write(new JsonObject { ["schemaVersion"] = 2, ["mediaType"] = MediaTypes.Index, ["manifests"] = new JsonArray(entry) });
    }

    // Someone may have damaged a blob of the store since it came in; an archive is not made of such.
    private VerifyingStream OpenVerified(Descriptor blob) => new(
        new WatchedStream(blobs.OpenBlob(blob), new ProgressReporter(progress, ImagePhase.Writing, blob.Digest.ToString(), blob.Size).Report, cancellationToken),
        blob.Digest,
        "The blob");

    private void WriteOci(LayerWriter archive)
    {
        WriteFile(archive, "/" + OciLayout.Marker, Encoding.ASCII.GetBytes(LayoutVersion));
        WriteFile(archive, "/index.json", IndexDocument());
        WriteEntry(archive, "/blobs", FileKind.Directory, 0, null);
        foreach (var algorithm in Blobs.Select(blob => blob.Digest.Algorithm).Append("sha256").Distinct().Order(StringComparer.Ordinal))
        {
            WriteEntry(archive, $"/blobs/{algorithm}", FileKind.Directory, 0, null);
        }

        foreach (var blob in Blobs)
        {
            using var content = OpenVerified(blob);
            WriteEntry(archive, $"/blobs/{blob.Digest.Algorithm}/{blob.Digest.Hex}", FileKind.File, blob.Size, content);
        }
    }

    private void WriteDocker(LayerWriter archive)
    {
        var config = blobs.Read(image.ConfigDescriptor, JsonDocuments.MaxBytes);
        var configName = $"{image.ConfigDescriptor.Digest.Hex}.json";
        var manifest = new JsonArray(new JsonObject
        {
            ["Config"] = configName,
            ["RepoTags"] = image.Reference is { HasName: true, Tag: not null } name ? JsonDocuments.ArrayOf([name.WithoutDigest().Canonical]) : null,
            ["Layers"] = JsonDocuments.ArrayOf(image.Layers.Select(layer => $"{layer.DiffId.Hex}.tar")),
        });
        WriteFile(archive, "/" + DockerArchive.Marker, JsonDocuments.Write(manifest));
        WriteFile(archive, "/" + configName, config);
        foreach (var layer in image.Layers.DistinctBy(layer => layer.DiffId))
        {
            // The header says how long the plain layer is, and only decompressing it tells.
            var size = Measure(layer);
            using var content = layer.OpenTar();
            using var watched = new WatchedStream(content, new ProgressReporter(progress, ImagePhase.Writing, layer.DiffId.ToString(), size).Report, cancellationToken);
            WriteEntry(archive, $"/{layer.DiffId.Hex}.tar", FileKind.File, size, watched);
        }
    }

    private long Measure(Layer layer)
    {
        using var content = layer.OpenTar();
        using var counted = new WatchedStream(content, null, cancellationToken);
        counted.CopyTo(Stream.Null, 128 << 10);
        return counted.BytesRead;
    }

    private void WriteDirectory(string directory)
    {
        Directory.CreateDirectory(Path.Combine(directory, "blobs", "sha256"));
        File.WriteAllText(Path.Combine(directory, OciLayout.Marker), LayoutVersion);
        File.WriteAllBytes(Path.Combine(directory, "index.json"), IndexDocument());
        foreach (var blob in Blobs)
        {
            using var content = OpenVerified(blob);
            var path = Path.Combine(directory, "blobs", blob.Digest.Algorithm, blob.Digest.Hex);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 1);
            content.CopyTo(file, 128 << 10);
        }
    }

    // An empty directory makes way, as it does for rename(2); anything else there is someone's.
    private static void Publish(string aside, string path)
    {
        if (Directory.Exists(path) && !Directory.EnumerateFileSystemEntries(path).Any())
        {
            Directory.Delete(path);
        }

        if (Path.Exists(path))
        {
            throw new ImageException("there is something already.");
        }

        Directory.Move(aside, path);
    }

    private static void Discard(string aside)
    {
        if (Directory.Exists(aside))
        {
            Directory.Delete(aside, recursive: true);
        }
        else
        {
            File.Delete(aside);
        }
    }

    private void WriteFile(LayerWriter archive, string path, byte[] content)
    {
        using var stream = new MemoryStream(content, writable: false);
        WriteEntry(archive, path, FileKind.File, content.Length, stream);
    }

    private void WriteEntry(LayerWriter archive, string path, FileKind kind, long size, Stream? content) => archive.Write(
        new LayerEntry
        {
            Path = path,
            Metadata = new FileMetadata { Kind = kind, Mode = kind == FileKind.Directory ? 0x1ED : 0x1A4, UserId = 0, GroupId = 0, Size = size },
        },
        content,
        cancellationToken);
}
