using System.Security.Cryptography;
using ContainerKit.Layers;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Peers;

/// <summary>A real Debian, its device nodes included, in the store of an ordinary user who has a range of ids.</summary>
[Category("Peers")]
internal sealed class DebianOfOrdinaryUserTests
{
    private TemporaryDirectory _directory = null!;

    [OneTimeSetUp]
    public void MakeRootFileSystem()
    {
        Needs.OrdinaryUser();
        Needs.SubordinateIds();
        Needs.Overlay();
        Needs.Program("mmdebstrap");
        _directory = new TemporaryDirectory();

        // Its root is not this user, and so it works where everybody may go.
        Shell.Script("""TMPDIR=/tmp mmdebstrap --quiet --mode=unshare --variant=minbase bookworm - > "$1" """, _directory["base.tar"]);
    }

    [OneTimeTearDown]
    public void RemoveAll() => _directory?.Dispose();

    [TestCase("overlay")]
    [TestCase("vfs")]
    public async Task What_was_imported_run_and_committed_whole_is_path_by_path_what_it_was(string driver)
    {
        var store = _directory[driver];
        await using var host = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = store, StorageDriver = driver });
        var image = await host.Images.ImportAsync(_directory["base.tar"], "debian:12");
        var ran = await host.Container(image).WithCommand("sh", "-c", "id -u; stat -c %U:%G /etc/shadow").RunAsync();
        await using var container = await host.Container(image).CreateAsync();
        var names = await container.Files.ListAsync("/").Select(entry => entry.Name).ToArrayAsync();

        // What moves is in the container's own layer, every bit of it, and so is read back from the disk.
        await container.Files.CreateDirectoryAsync("/all");
        foreach (var name in names)
        {
            await container.Files.MoveAsync($"/{name}", $"/all/{name}");
        }

        await host.Images.SaveAsync(await container.CommitAsync("debian:whole"), $"{store}.tar", ImageArchiveFormat.Oci);
        await using var other = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = $"{store}-other" });
        var saved = await other.Images.LoadAsync($"{store}.tar");

        var expected = Describe(image.Layers[0], "/");
        Assert.That(ran.StandardOutput, Is.EqualTo("0\nroot:shadow\n"));
        Assert.That(expected.Where(line => line.Contains("|CharacterDevice|", StringComparison.Ordinal)), Has.Exactly(8).Items);
        Assert.That(Describe(saved.Layers[^1], "/all/"), Is.EqualTo(expected));
    }

    /// <summary>A line for each path of a layer below a directory; further names of a file are told as the file.</summary>
    private static string[] Describe(Layer layer, string directory)
    {
        var lines = new SortedDictionary<string, string>(StringComparer.Ordinal);
        layer.Read(reader =>
        {
            while (reader.MoveNext())
            {
                Add(reader, reader.Current);
            }
        }, CancellationToken.None);
        return [.. lines.Select(line => $"{line.Key}|{line.Value}")];

        void Add(LayerReader reader, LayerEntry entry)
        {
            if (entry.Kind != LayerEntryKind.Whiteout && entry.Path.StartsWith(directory, StringComparison.Ordinal) && entry.Path.Length > directory.Length)
            {
                lines.Add(entry.Path[(directory.Length - 1)..], entry.HardLinkTarget is { } target ? lines[target[(directory.Length - 1)..]] : Describe(entry.Metadata, reader));
            }
        }
    }

    private static string Describe(FileMetadata metadata, LayerReader reader) => string.Join('|', [
        metadata.Kind, Convert.ToString(metadata.Mode, 8), $"{metadata.UserId}:{metadata.GroupId}", metadata.Size, metadata.ModifiedTime, metadata.LinkTarget,
        $"{metadata.DeviceMajor}:{metadata.DeviceMinor}", string.Join(',', metadata.ExtendedAttributes.Select(each => $"{each.Key}={Convert.ToHexString(each.Value.Span)}")),
        metadata.Kind == FileKind.File ? Convert.ToHexString(SHA256.HashData(reader.Content)) : ""]);
}
