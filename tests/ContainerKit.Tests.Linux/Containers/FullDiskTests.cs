using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers;

public sealed class FullDiskTests
{
    [Test]
    public async Task A_full_disk_is_named_with_the_file_that_it_had_no_room_for()
    {
        Needs.Root();
        using var directory = new TemporaryDirectory();
        Shell.Run("mount", "-t", "tmpfs", "-o", "size=4m", "none", directory.MakeDirectory("small"));
        Shell.Script("""mkdir "$1"; yes | head -c 16M > "$1/big" || true; tar -C "$1" -czf "$1.tar.gz" big""", directory["tree"]);
        await using var host = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = directory["small/store"] });
        await host.Images.ImportAsync(directory["tree.tar.gz"], "big:1");

        Assert.That(() => host.Container("big:1").WithCommand("true").CreateAsync(), Throws.TypeOf<StorageException>().With.Message.EqualTo(
            $"Cannot unpack '/big': the file system mounted at '{directory["small"]}' is full."));
    }
}
