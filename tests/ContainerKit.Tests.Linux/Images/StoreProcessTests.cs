using System.Diagnostics;
using ContainerKit.Images;
using ContainerKit.Tests.Linux.Samples;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Images;

/// <summary>One store, many processes, and some of them die.</summary>
[Category("Slow")]
public sealed class StoreProcessTests
{
    private TemporaryDirectory _directory = null!;
    private string _ckit = null!;

    [SetUp]
    public void MakeArchive()
    {
        _ckit = SamplePrograms.PathOf("ckit");
        _directory = new TemporaryDirectory();
        Directory.CreateDirectory(_directory["store"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Shell.Script("""mkdir "$1" && head -c 30000000 /dev/urandom > "$1/random" && tar -C "$1" -cf "$2" .""", _directory["tree"], _directory["rootfs.tar"]);
    }

    [TearDown]
    public void RemoveDirectory() => _directory?.Dispose();

    [Test]
    public async Task Many_processes_import_at_once()
    {
        var imports = Enumerable.Range(0, 6).Select(i => Start("import", _directory["rootfs.tar"], $"image:{i}")).ToList();

        foreach (var import in imports)
        {
            await import.WaitForExitAsync();
        }

        Assert.That(imports.Select(import => import.ExitCode), Is.All.Zero);
        Assert.That(Catalog().List().Select(image => image.Reference.ToString()), Is.EqualTo(Enumerable.Range(0, 6).Select(i => $"image:{i}")));
        Assert.That(Catalog().Blobs.List().Count(), Is.EqualTo(3));
    }

    [Test]
    public async Task Whoever_is_killed_leaves_nothing_that_lasts()
    {
        for (var patience = 40; patience < 1200; patience += 90)
        {
            using var import = Start("import", _directory["rootfs.tar"], "image:1");
            await Task.Delay(patience);
            import.Kill();
            await import.WaitForExitAsync();
            AssertSound();
        }

        Assert.That(Shell.Run(_ckit, "--root", _directory["store"], "import", _directory["rootfs.tar"], "image:1"), Is.EqualTo("image:1"));
        Shell.Run(_ckit, "--root", _directory["store"], "images");
        Assert.That(Directory.EnumerateFileSystemEntries(_directory["store/images/.tmp"]), Is.Empty);
        Assert.That(Catalog().Blobs.List().Count(), Is.EqualTo(3));
    }

    [Test]
    public void Many_run_and_remove_at_once_while_others_check_and_nobody_minds()
    {
        Needs.Overlay();
        Needs.NetworkNamespaces();
        Needs.Program("busybox");
        Shell.Script("""mkdir -p "$1/bin" && cp "$2" "$1/bin/true" && tar -C "$1" -cf "$1.tar" . && "$3" --root "$4" import "$1.tar" true:1""", _directory["true"], HostPath.Find("busybox")!, _ckit, _directory["store"]);

        var failures = Shell.Run("bash", "-c", """
            seq 120 | xargs -P 12 -I{} sh -c '
                case {} in
                    *0) "$1" --root "$2" check > /dev/null ;;
                    *5) "$1" --root "$2" run --name kept-{} true:1 true && "$1" --root "$2" rm kept-{} > /dev/null ;;
                    *) "$1" --root "$2" run --rm true:1 true ;;
                esac || echo "{} failed"' sh "$1" "$2" 2>&1
            """, "bash", _ckit, _directory["store"]);

        Assert.That(failures, Is.Empty);
        Assert.That(Directory.EnumerateDirectories(_directory["store/containers"]), Is.Empty);
    }

    // Whatever is there is whole: every blob is what its name says, and every image that is listed has all its layers.
    private void AssertSound()
    {
        var catalog = Catalog();
        Assert.That(catalog.Blobs.List().Where(blob => Digest.Of(File.ReadAllBytes(catalog.Blobs.PathOf(blob))) != blob), Is.Empty);
        Assert.That(catalog.List().SelectMany(image => image.Layers).Where(layer => !catalog.Blobs.Contains(layer.Descriptor.Digest)), Is.Empty);
    }

    private ImageCatalog Catalog() => new(_directory["store/images"]);

    private Process Start(params string[] arguments) => Process.Start(new ProcessStartInfo(_ckit, ["--root", _directory["store"], .. arguments])
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;
}
