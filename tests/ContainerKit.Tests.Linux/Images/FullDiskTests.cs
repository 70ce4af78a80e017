using ContainerKit.Images;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Images;

/// <summary>A file system without room fails what was asked for, and nothing else.</summary>
public sealed class FullDiskTests
{
    private TemporaryDirectory _directory = null!;
    private ImageStore _images = null!;

    [SetUp]
    public async Task MountSmallDisk()
    {
        Needs.Root();
        _directory = new TemporaryDirectory();
        _directory.MakeDirectory("disk");
        Shell.Run("mount", "-t", "tmpfs", "-o", "size=2m", "none", _directory["disk"]);
        _images = new ImageStore(new ImageCatalog(_directory["disk/images"]));
        Shell.Script(
            """mkdir "$1"; echo small > "$1/small"; tar -C "$1" -cf "$2" .; head -c 9000000 /dev/urandom > "$1/large"; tar -C "$1" -cf "$3" .""",
            _directory["tree"],
            _directory["small.tar"],
            _directory["large.tar"]);
        await _images.ImportAsync(_directory["small.tar"], "small:1");
    }

    [TearDown]
    public void RemoveDirectory() => _directory?.Dispose();

    [Test]
    public async Task An_import_fails_with_a_sentence_and_loses_nothing()
    {
        Assert.That(
            () => _images.ImportAsync(_directory["large.tar"], "large:1"),
            Throws.TypeOf<ImageException>().With.Message.StartsWith("Cannot import").And.Message.Contains("No space left on device"));

        Assert.That(Directory.EnumerateFiles(_directory["disk/images/.tmp"]), Is.Empty);
        Assert.That(await _images.FindAsync("large:1"), Is.Null);
        Assert.That(await _images.FindAsync("small:1"), Is.Not.Null);
        Assert.That((await _images.ImportAsync(_directory["small.tar"], "again:1")).Reference.ToString(), Is.EqualTo("again:1"));
    }

    [Test]
    public async Task A_save_fails_with_a_sentence_and_leaves_nothing([Values] ImageArchiveFormat format)
    {
        var other = new ImageStore(new ImageCatalog(_directory["roomy"]));
        var large = await other.ImportAsync(_directory["large.tar"], "large:1");

        Assert.That(
            () => other.SaveAsync(large, _directory["disk/saved"], format),
            Throws.TypeOf<ImageException>().With.Message.StartsWith("Cannot save").And.Message.Contains("No space left on device"));
        Assert.That(Directory.EnumerateFileSystemEntries(_directory["disk"]).Select(Path.GetFileName), Is.EqualTo(new[] { "images" }));
    }
}
