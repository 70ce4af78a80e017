using System.Globalization;
using ContainerKit.Linux;
using ContainerKit.Storage;
using ContainerKit.Storage.Aufs;
using ContainerKit.Storage.Overlay;
using ContainerKit.Storage.Vfs;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Storage;

/// <summary>Kill -9 at any moment: what was reported is there, whole, and the next open leaves nothing of the rest.</summary>
[Category("Slow")]
internal sealed class CrashTests
{
    private const int FilesPerLayer = 40, LayersPerChain = 4, Length = 20_000;

    [Test]
    public void A_store_survives_the_death_of_those_who_unpack([Values("overlay", "aufs", "vfs")] string driver, [Range(1, 5)] int seed)
    {
        using var directory = new TemporaryDirectory();
        var reported = new List<string>();
        using (var process = new SecondProcess(nameof(UnpackForever), directory.Path, driver))
        {
            reported.Add(process.ReadLine()!);
            Thread.Sleep(new Random(seed).Next(0, 300));
            reported.AddRange(process.Kill());
        }

        using var store = SnapshotStore.Open(directory.Path, DriverOf(driver), Rootless.Options);

        Assert.That(Directory.GetDirectories(Path.Combine(directory.Path, driver), ".*"), Is.Empty);
        Assert.That(store.List().Select(snapshot => snapshot.Id), Is.SupersetOf(reported));
        Assert.That(store.List().Select(snapshot => FilesIn(store, snapshot.Id)), Is.All.EqualTo(FilesPerLayer));
        Assert.That(store.Collect(_ => false), Is.SupersetOf(reported));
    }

    [Test]
    public void A_file_that_is_copied_up_is_whole_or_not_there([Values("overlay", "aufs", "vfs")] string driver, [Range(1, 4)] int seed)
    {
        using var directory = new TemporaryDirectory();
        using (var process = new SecondProcess(nameof(EditForever), directory.Path, driver))
        {
            _ = process.ReadLine();
            Thread.Sleep(new Random(seed).Next(0, 200));
            process.Kill();
        }

        using var store = SnapshotStore.Open(directory.Path, DriverOf(driver), Rootless.Options);
        using var lease = store.Acquire("edited");
        using var tree = store.OpenTree(lease);

        Assert.That(Enumerable.Range(0, FilesPerLayer).Select(i => tree.Stat($"/d/{i}").Stat.Size), Is.All.EqualTo(Length));
        Assert.That(Enumerable.Range(0, FilesPerLayer).Select(i => tree.Stat($"/d/{i}").Stat.Permissions), Is.All.AnyOf(0x1A4, 0x180));
        Assert.That(Directory.GetFileSystemEntries(Path.Combine(lease.Snapshot.Directory, "work"), "ck-*"), Is.Empty);
    }

    /// <summary>Unpacks layers on layers, and reports each.</summary>
    internal static void UnpackForever(string[] arguments)
    {
        using var store = SnapshotStore.Open(arguments[0], DriverOf(arguments[1]), Rootless.Options);
        for (var i = 0; ; i++)
        {
            using var lease = store.PrepareNameless(i % LayersPerChain == 0 ? null : $"{i - 1}");
            using (var tree = store.OpenTree(lease, isPrivate: true))
            {
                Files(i).ApplyTo(tree);
            }

            store.Commit(lease, $"{i}");
            Console.WriteLine(i);
        }
    }

    /// <summary>Makes a container on a layer, and changes its files one after another.</summary>
    internal static void EditForever(string[] arguments)
    {
        using var store = SnapshotStore.Open(arguments[0], DriverOf(arguments[1]), Rootless.Options);
        using var unpacked = store.PrepareNameless();
        using (var tree = store.OpenTree(unpacked, isPrivate: true))
        {
            Files(0).ApplyTo(tree);
        }

        store.Commit(unpacked, "base");
        using var lease = store.Prepare("edited", "base");
        using var edited = store.OpenTree(lease);
        Console.WriteLine("ready");
        for (var round = 0; ; round++)
        {
            for (var i = 0; i < FilesPerLayer; i++)
            {
                edited.SetMode($"/d/{i}", round % 2 == 0 ? 0x180 : 0x1A4);
                using (var next = edited.OpenWrite("/d/next", OpenFlags.Write | OpenFlags.Create | OpenFlags.Truncate, 0x1A4))
                {
                    RandomAccess.Write(next, new byte[Length], 0);
                }

                edited.Rename("/d/next", $"/d/{i}");
            }
        }
    }

    private static LayerArchive Files(int layer)
    {
        var archive = new LayerArchive().Directory("/d");
        var content = new string((char)('a' + (layer % 26)), Length);
        return Enumerable.Range(0, FilesPerLayer).Aggregate(archive, (current, i) => current.File($"/d/{i.ToString(CultureInfo.InvariantCulture)}", content));
    }

    private static int FilesIn(SnapshotStore store, string name)
    {
        using var view = store.View($"look at {name}", name);
        using var tree = store.OpenTree(view);
        var whole = tree.List("/d").Count(file => tree.Stat($"/d/{file.Name}").Stat.Size == Length);
        store.Remove(view);
        return whole;
    }

    private static IStorageDriver DriverOf(string name) => name switch
    {
        "vfs" => new VfsDriver(),
        "aufs" => new AufsDriver(AufsForm.InProcess),
        _ => new OverlayDriver(),
    };
}
