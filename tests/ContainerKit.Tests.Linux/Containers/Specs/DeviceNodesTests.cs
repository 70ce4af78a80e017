using System.Text;
using ContainerKit.Tests.Linux.Storage;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers.Specs;

/// <summary>Device nodes of an image, through everything that happens to a container: also for users who can make none.</summary>
[TestFixture("overlay", UserNamespaceMode.Default)]
[TestFixture("vfs", UserNamespaceMode.Default, Category = "Modes")]
[TestFixture("overlay", UserNamespaceMode.SingleId, Category = "Modes")]
internal sealed class DeviceNodesTests(string driver, UserNamespaceMode userNamespace) : ContainerFixture
{
    private Image _image = null!;

    protected override string Driver => driver;

    protected override UserNamespaceMode UserNamespace => userNamespace;

    [OneTimeSetUp]
    public async Task Import()
    {
        Needs.Program("busybox");
        var archive = Path.Combine(HostDirectory, "devices.tar");
        using (var file = File.Create(archive))
        {
            new LayerArchive()
                .Directory("/bin").File("/bin/sh", Encoding.Latin1.GetString(File.ReadAllBytes(HostPath.Find("busybox")!)), 0x1ED)
                .Symlink("/bin/mv", "sh").Symlink("/bin/chmod", "sh")
                .Directory("/srv").Device("/srv/null", 1, 3, 5, 6).Device("/srv/zero", 1, 5).Device("/srv/full", 1, 7)
                .Device("/srv/disk", 7, 200, 0, 4, mode: 0x1A0, kind: FileKind.BlockDevice)
                .WriteTo(file);
        }

        _image = await Host.Images.ImportAsync(archive, "devices:1");
    }

    [Test]
    public async Task A_container_shows_the_devices_of_its_image()
    {
        await using var container = await Host.Container(_image).CreateAsync();

        var names = await container.Files.ListAsync("/srv").ToArrayAsync();
        var disk = await container.Files.GetMetadataAsync("/srv/disk");

        Assert.That(names.Select(each => (each.Name, each.Kind)), Is.EqualTo(new[]
        {
            ("disk", FileKind.BlockDevice), ("full", FileKind.CharacterDevice), ("null", FileKind.CharacterDevice), ("zero", FileKind.CharacterDevice),
        }));
        Assert.That((disk.DeviceMajor, disk.DeviceMinor, disk.Mode, disk.UserId, disk.GroupId, disk.ExtendedAttributes.Count), Is.EqualTo((7u, 200u, 0x1A0, 0u, 4u, 0)));
        Assert.That(await Diff(container), Is.Empty);
    }

    [Test]
    public async Task Devices_that_were_run_edited_committed_and_saved_are_devices_in_the_layer()
    {
        await using var container = await Host.Container(_image).WithCommand("sh", "-c", "mv /srv/zero /srv/moved && chmod 600 /srv/disk").CreateAsync();
        await using (var running = await container.StartAsync())
        {
            Assert.That((await running.WaitForExitAsync()).ExitCode, Is.Zero);
        }

        await container.Files.SetOwnerAsync("/srv/disk", 3, 4);
        await container.Files.MoveAsync("/srv/null", "/renamed");
        await container.Files.DeleteAsync("/srv/full");
        var changes = await Diff(container);
        var committed = await container.CommitAsync($"devices:{driver}-{userNamespace}");
        var saved = Path.Combine(HostDirectory, "saved");
        Directory.CreateDirectory(saved);
        await Host.Images.SaveAsync(committed, saved + ".tar", ImageArchiveFormat.Oci);
        Support.Shell.Run("tar", "-C", saved, "-xf", saved + ".tar");
        var blob = Path.Combine(saved, "blobs", "sha256", committed.Layers[^1].Descriptor.Digest.Hex);
        var listing = Support.Shell.Script("""tar --numeric-owner -tvf "$1" | grep '^[bc]' | awk '{ print $1, $2, $3, $6 }'""", blob);

        Assert.That(changes, Is.EqualTo(new[] { "A /renamed", "C /srv", "C /srv/disk", "D /srv/full", "A /srv/moved", "D /srv/null", "D /srv/zero" }));
        Assert.That(listing.Split('\n'), Is.EqualTo(new[] { "crw-rw-rw- 5/6 1,3 renamed", "brw------- 3/4 7,200 srv/disk", "crw-rw-rw- 0/0 1,5 srv/moved" }));
    }
}
