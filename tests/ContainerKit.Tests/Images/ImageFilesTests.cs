using ContainerKit.Tests.Images.Editing;
using ContainerKit.Tests.Layers;

namespace ContainerKit.Tests.Images;

public sealed class ImageFilesTests : EditFixture
{
    [Test]
    public async Task Files_are_what_all_layers_show_together()
    {
        var files = await Images.OpenFilesAsync(App);

        Assert.That(files.List("/").Select(each => each.Name), Is.EqualTo(new[] { "app", "etc", "lib" }));
        Assert.That(files.List("/etc"), Is.EqualTo(new[] { new FileEntry("motd", FileKind.File) }));
        Assert.That(await files.ReadAllTextAsync("/etc/motd"), Is.EqualTo("changed\n"));
        Assert.That(files.Exists("/etc/hosts"), Is.False);
    }

    [Test]
    public async Task Both_names_of_a_file_lead_to_its_content()
    {
        var files = await Images.OpenFilesAsync(App);

        Assert.That(await files.ReadAllTextAsync("/lib/so.1"), Is.EqualTo("code"));
        Assert.That(files.GetMetadata("/lib/so.1").Digest, Is.EqualTo(Digest.Of("code"u8)));
    }

    [Test]
    public async Task Symlinks_lead_on_inside_the_image_and_never_outside()
    {
        var files = await Open(new RawTar()
            .Add("run", '5').Add("run/pid", content: "1")
            .Add("var", '5').Add("var/run", '2', link: "../../../../run").Add("absolute", '2', link: "/var/run/pid"));

        Assert.That(await files.ReadAllTextAsync("/var/run/pid"), Is.EqualTo("1"));
        Assert.That(await files.ReadAllTextAsync("/absolute"), Is.EqualTo("1"));
        Assert.That(await files.ReadAllTextAsync("/../run/../var/./run/pid"), Is.EqualTo("1"));
        Assert.That(files.GetMetadata("/var/run").LinkTarget, Is.EqualTo("../../../../run"));
        Assert.That(files.GetMetadata("/var/run/").Kind, Is.EqualTo(FileKind.Directory));
    }

    [Test]
    public async Task Symlinks_that_never_end_are_given_up()
    {
        var files = await Open(new RawTar().Add("a", '2', link: "b").Add("b", '2', link: "a"));

        Assert.That(() => files.List("/a"), Throws.TypeOf<IOException>().With.Message.EqualTo("The symlinks on the way to '/a' in the image never end."));
        Assert.That(files.Exists("/a"), Is.False);
        Assert.That(files.GetMetadata("/a").Kind, Is.EqualTo(FileKind.Symlink));
    }

    [Test]
    public async Task What_is_not_there_is_told_as_files_of_the_host_are()
    {
        var files = await Images.OpenFilesAsync(App);

        Assert.That(() => files.GetMetadata("/nothing"), Throws.TypeOf<FileNotFoundException>().With.Message.EqualTo("There is no '/nothing' in the image."));
        Assert.That(() => files.GetMetadata("/nothing/below"), Throws.TypeOf<DirectoryNotFoundException>());
        Assert.That(() => files.GetMetadata("/app/../etc"), Throws.TypeOf<DirectoryNotFoundException>());
        Assert.That(() => files.GetMetadata("/app/"), Throws.TypeOf<DirectoryNotFoundException>());
        Assert.That(() => files.List("/app"), Throws.TypeOf<DirectoryNotFoundException>());
        Assert.That(() => files.OpenReadAsync("/etc"), Throws.TypeOf<UnauthorizedAccessException>().With.Message.EqualTo("'/etc' in the image has no content to read: it is a directory."));
        Assert.That(() => files.List("etc"), Throws.TypeOf<ArgumentException>());
    }

    [Test]
    public async Task Names_keep_every_byte()
    {
        var files = await Open(new RawTar().Add("a:b", content: "1").Add("AUX", content: "2").Add("aux", content: "3").Add("dot.", content: "4").Add("back\\slash", content: "5"));

        Assert.That(files.List("/").Select(each => each.Name), Is.EqualTo(new[] { "AUX", "a:b", "aux", "back\\slash", "dot." }));
        Assert.That(await files.ReadAllTextAsync("/back\\slash"), Is.EqualTo("5"));
    }

    [Test]
    public async Task A_damaged_layer_shows_nothing()
    {
        var path = Store.Catalog.Blobs.PathOf(App.Layers[1].Descriptor.Digest);
        File.WriteAllBytes(path, [.. File.ReadAllBytes(path).Reverse()]);

        Assert.That(() => Images.OpenFilesAsync(App), Throws.TypeOf<ImageException>().With.Message.StartsWith("Cannot read the files of 'app:1': "));
    }

    private async Task<ImageFiles> Open(RawTar archive) => await Images.OpenFilesAsync(await ImageOf("files:1", archive.End().ToArray()));
}
