using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Storage;

/// <summary>The contract, and what it means once a kernel has mounted a snapshot; only root can do that here.</summary>
internal abstract class MountedDriverContract : StorageDriverContract
{
    [Test]
    public void The_kernel_shows_what_the_union_shows()
    {
        Needs.Root();
        Layer("base", null, new LayerArchive().Directory("/d").File("/d/a", "1").File("/d/b", "2").Directory("/opaque").File("/opaque/x"));
        Layer("middle", "base", new LayerArchive().Whiteout("/d/a").Opaque("/opaque").File("/opaque/y"));
        using var child = Store.Prepare("child", "middle");
        Write(child, "/d/c", "3");
        var expected = Dump(child);

        using var mounted = new MountedSnapshot(Store, child, Scratch.MakeDirectory("mounted"));

        Assert.That(TreeDump.Of(mounted.Path, withTimes: true), Is.EqualTo(expected));
    }

    [Test]
    public void What_is_written_through_a_mount_is_in_the_union_and_in_the_changes()
    {
        Needs.Root();
        Layer("base", null, new LayerArchive().Directory("/d").File("/d/a", "1").Directory("/e").File("/e/x").File("/keep"));
        using var child = Store.Prepare("child", "base");
        IReadOnlyList<string> shown;
        using (var mounted = new MountedSnapshot(Store, child, Scratch.MakeDirectory("mounted")))
        {
            Shell.Script("cd \"$1\"; echo more >> d/a; rm -r e; mkdir e; touch e/new; ln keep linked", mounted.Path);
            shown = TreeDump.Of(mounted.Path, withTimes: true);
        }

        Assert.That(Dump(child), Is.EqualTo(shown));
        Assert.That(
            Store.Changes(child).Select(change => $"{change.Kind.ToString()[0]} {change.Path}"),
            Is.EqualTo(new[] { "C /", "C /d", "C /d/a", "C /e", "A /e/new", "D /e/x", "A /linked" }).Or.EqualTo(new[] { "C /d", "C /d/a", "C /e", "A /e/new", "D /e/x", "A /linked" })
                .Or.EqualTo(new[] { "C /d/a", "C /e", "A /e/new", "D /e/x", "A /linked" }));
    }
}
