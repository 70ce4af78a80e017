using System.Text;
using ContainerKit.Storage;
using ContainerKit.Storage.Aufs;

namespace ContainerKit.Tests.Storage.Aufs;

internal sealed class AufsMountPlanTests
{
    [Test]
    public void A_small_stack_is_one_mount()
    {
        var plan = AufsMountPlan.Of("/s/mnt/a", "/s/diff/a", ["/s/diff/b", "/s/diff/c"]);

        Assert.That(plan.Select(Text), Is.EqualTo(new[] { "aufs /s/mnt/a br:/s/diff/a=rw:/s/diff/b=ro+wh:/s/diff/c=ro+wh,dio,xino=/dev/shm/aufs.xino,dirperm1" }));
    }

    [Test]
    public void What_does_not_fit_a_page_is_appended_in_order([Values(1, 36, 37, 126)] int layers)
    {
        var lower = Enumerable.Range(0, layers).Select(i => $"/var/lib/containerkit/snapshots/aufs/diff/{i:D32}").ToArray();

        var plan = AufsMountPlan.Of("/mnt", "/var/lib/containerkit/snapshots/aufs/diff/top", lower);

        Assert.That(plan.Select(mount => mount.Type), Is.EqualTo(Enumerable.Repeat("remount", plan.Count - 1).Prepend("aufs")));
        Assert.That(plan.Select(mount => Encoding.UTF8.GetByteCount(string.Join(',', mount.Options))), Is.All.LessThan(4096));
        Assert.That(AufsMountPlan.BranchesOf(plan), Is.EqualTo((true, lower.Prepend("/var/lib/containerkit/snapshots/aufs/diff/top"))).Using<(bool, IEnumerable<string>)>((a, b) => a.Item1 == b.Item1 && a.Item2.SequenceEqual(b.Item2)));
    }

    [Test]
    public void A_hundred_layers_take_few_calls()
    {
        var plan = AufsMountPlan.Of("/mnt", null, [.. Enumerable.Range(0, 127).Select(i => $"/var/lib/containerkit/snapshots/aufs/diff/{i:D32}")]);

        Assert.That(plan, Has.Count.EqualTo(3));
        Assert.That(plan.Skip(1).Select(mount => mount.Options[0]), Is.All.StartsWith("append:/var/lib/").And.All.EndsWith("=ro+wh"));
        Assert.That(plan.Select(mount => mount.Options), Is.All.Contains("ro"));
    }

    [Test]
    public void More_than_127_branches_are_refused()
    {
        Assert.That(
            () => AufsMountPlan.Of("/mnt", "/top", [.. Enumerable.Range(0, 127).Select(i => $"/{i}")]),
            Throws.TypeOf<StorageException>().With.Message.EqualTo("Cannot mount 128 layers with aufs: it takes 127 branches."));
    }

    [TestCase("/a,b", ','), TestCase("/a:b", ':'), TestCase("/a=b", '=')]
    public void A_path_that_aufs_would_take_apart_is_refused(string path, char character)
    {
        Assert.That(
            () => AufsMountPlan.Of("/mnt", "/top", [path]),
            Throws.TypeOf<StorageException>().With.Message.EqualTo($"Cannot mount '{path}' with aufs: it has a '{character}', which aufs takes for a part of its options."));
    }

    [Test]
    public void The_driver_says_the_same_stack_in_either_form()
    {
        var below = new Snapshot { Id = "base", Directory = "/s/aufs/c-1", StableId = "b1", Kind = SnapshotKind.Committed };
        var top = new Snapshot { Id = "top", Directory = "/s/aufs/w-1", StableId = "t1", Kind = SnapshotKind.Writable, Parents = [below] };

        Assert.That(new AufsDriver(AufsForm.Kernel).Mounts(top).Select(Text), Is.EqualTo(new[] { "aufs /s/aufs/mnt/t1 br:/s/aufs/diff/t1=rw:/s/aufs/diff/b1=ro+wh,dio,xino=/dev/shm/aufs.xino,dirperm1" }));
        Assert.That(new AufsDriver(AufsForm.Fuse).Mounts(top).Select(Text), Is.EqualTo(new[] { "ckunion ckunion dialect=aufs,upperdir=/s/aufs/diff/t1,workdir=/s/aufs/w-1/work,lowerdir=/s/aufs/diff/b1" }));
        Assert.That(new AufsDriver(AufsForm.Fuse).Mounts(below).Select(Text), Is.EqualTo(new[] { "ckunion ckunion dialect=aufs,ro,lowerdir=/s/aufs/diff/b1" }));
    }

    private static string Text(Mount mount) => $"{mount.Type} {mount.Source} {string.Join(',', mount.Options)}";
}
