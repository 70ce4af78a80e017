using ContainerKit.Linux;
using ContainerKit.Storage;
using ContainerKit.Storage.Overlay;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Storage;

internal sealed class SnapshotStoreTests
{
    private TemporaryDirectory _directory = null!;
    private SnapshotStore _store = null!;

    [SetUp]
    public void Open()
    {
        _directory = new TemporaryDirectory();
        _store = Reopen();
    }

    [TearDown]
    public void Close()
    {
        _store.Dispose();
        _directory.Dispose();
    }

    [Test]
    public void A_snapshot_is_what_it_was_made_as()
    {
        Commit("base");
        Commit("middle", "base");

        using var lease = _store.Prepare("top", "middle");

        var found = _store.TryFind("top")!;
        Assert.That(found.Kind, Is.EqualTo(SnapshotKind.Writable));
        Assert.That(found.Parents.Select(parent => parent.Id), Is.EqualTo(new[] { "middle", "base" }));
        Assert.That(found.Parents[0].Parents.Select(parent => parent.Id), Is.EqualTo(new[] { "base" }));
        Assert.That(Path.GetFileName(found.Directory), Has.Length.EqualTo(22));
        Assert.That(_store.List().Select(snapshot => snapshot.Id), Is.EquivalentTo(new[] { "base", "middle", "top" }));
    }

    [Test]
    public void A_name_is_taken_once()
    {
        using var lease = _store.Prepare("a");

        Assert.That(() => _store.Prepare("a"), Throws.TypeOf<StorageException>().With.Message.EqualTo("'a' cannot be made: there is a writable snapshot of that name."));
    }

    [Test]
    public void A_parent_must_be_there_and_committed()
    {
        using var lease = _store.Prepare("writable");

        Assert.That(() => _store.Prepare("a", "absent"), Throws.TypeOf<StorageException>().With.Message.Contains("'absent'"));
        Assert.That(() => _store.Prepare("a", "writable"), Throws.TypeOf<StorageException>().With.Message.Contains("commit it first"));
    }

    [Test]
    public void A_parent_is_not_removed_under_its_children()
    {
        Commit("base");
        _store.Prepare("top", "base").Dispose();

        Assert.That(() => _store.Remove("base"), Throws.TypeOf<StorageException>().With.Message.EqualTo("Cannot remove 'base': 'top' is built on it."));

        _store.Remove("top");
        _store.Remove("base");
        _store.Remove("base");
        Assert.That(_store.List(), Is.Empty);
    }

    [Test]
    public void What_is_held_is_not_removed_and_not_held_twice()
    {
        using var other = Reopen();
        using (_store.Prepare("a"))
        {
            Assert.That(() => other.Remove("a"), Throws.TypeOf<StorageException>().With.Message.Contains("in use"));
            Assert.That(() => other.Acquire("a"), Throws.TypeOf<StorageException>().With.Message.Contains("in use"));
            Assert.That(other.TryAcquire("a"), Is.Null);
        }

        other.Acquire("a").Dispose();
        other.Remove("a");
    }

    [Test]
    public void What_somebody_builds_on_stays_while_he_holds_it()
    {
        Commit("base");
        using var other = Reopen();
        using (var nameless = _store.PrepareNameless("base"))
        {
            Assert.That(() => other.Remove("base"), Throws.TypeOf<StorageException>());
            Assert.That(other.Collect(_ => false), Is.Empty);
            _store.Remove(nameless);
        }

        Assert.That(other.Collect(_ => false), Is.EqualTo(new[] { "base" }));
    }

    [Test]
    public void Who_commits_second_finds_the_first()
    {
        var first = _store.PrepareNameless();
        var second = _store.PrepareNameless();

        _store.Commit(first, "layer");
        var found = _store.Commit(second, "layer");

        Assert.That(found.Id, Is.EqualTo("layer"));
        Assert.That(second.IsOver);
        Assert.That(Directory.GetDirectories(_directory["overlay"]), Has.Length.EqualTo(1));
    }

    [Test]
    public void Collecting_takes_what_nobody_needs_from_the_top_down()
    {
        Commit("a");
        Commit("b", "a");
        Commit("c", "b");
        Commit("d", "b");
        _store.Prepare("container", "d").Dispose();

        Assert.That(_store.Collect(snapshot => snapshot.Id == "x"), Is.EqualTo(new[] { "c" }));

        _store.Remove("container");
        Assert.That(_store.Collect(snapshot => snapshot.Id == "a"), Is.EqualTo(new[] { "d", "b" }));
    }

    [Test]
    public void What_the_dead_left_is_swept_and_what_the_living_make_is_not()
    {
        Directory.CreateDirectory(_directory["overlay/.tmp-0123456789abcdef/fs/x"]);
        Directory.CreateDirectory(_directory["overlay/.rm-0123456789abcdef/fs"]);
        using var living = _store.PrepareNameless();

        Reopen().Dispose();

        Assert.That(Directory.GetDirectories(_directory["overlay"], ".*"), Is.EqualTo(new[] { living.Snapshot.Directory }));
        _store.Remove(living);
    }

    [Test]
    public void Files_written_for_another_user_namespace_are_not_built_upon()
    {
        Commit("base");
        using var other = SnapshotStore.Open(_directory.Path, new OverlayDriver(), Rootless.Options with { IdMap = UserMap.Single(5, 5) });

        Assert.That(() => other.Prepare("top", "base"), Throws.TypeOf<StorageException>().With.Message.Contains("another user namespace"));
    }

    [Test]
    public void A_damaged_record_is_named()
    {
        var damaged = Commit("base");
        File.WriteAllText(Path.Combine(damaged.Directory, "snapshot.json"), "{ \"version\": 1");

        Assert.That(() => _store.TryFind("base"), Throws.TypeOf<StorageException>().With.Message.Contains("is damaged"));
    }

    [Test]
    public void More_layers_than_the_driver_stacks_become_one()
    {
        using var store = SnapshotStore.Open(_directory["low"], new LowDriver(), Rootless.Options);
        var name = (string?)null;
        foreach (var i in Enumerable.Range(0, 9))
        {
            var lease = store.PrepareNameless(name);
            using (var tree = store.OpenTree(lease, isPrivate: true))
            {
                new LayerArchive().Directory("/d", 0x1C0, 1, 2).File($"/d/{i}", $"{i}", 0x1A4, 3, 4).Link($"/d/link{i}", $"/d/{i}").Whiteout($"/d/{i - 2}").ApplyTo(tree);
            }

            name = store.Commit(lease, $"layer{i}").Id;
        }

        using var view = store.View("look", name!);
        using var shown = store.OpenTree(view);
        Assert.That(view.Snapshot.Parents, Has.Count.LessThanOrEqualTo(3));
        Assert.That(
            shown.List("/d").Select(file => file.Name),
            Is.EqualTo(Enumerable.Range(7, 2).Select(i => $"{i}").Concat(Enumerable.Range(0, 9).Select(i => $"link{i}"))));
        Assert.That(shown.ReadMetadata("/d/link0"), Has.Property("UserId").EqualTo(3));
    }

    [Test]
    public void An_overlay_mount_that_was_not_unmounted_cleanly_can_be_mounted_again()
    {
        Commit("base");
        using var lease = _store.Prepare("a", "base");
        Directory.CreateDirectory(Path.Combine(lease.Snapshot.Directory, "work/work/incompat/volatile"));

        _ = _store.Mounts(lease);

        Assert.That(Directory.Exists(Path.Combine(lease.Snapshot.Directory, "work/work")), Is.False);
    }

    [Category("Slow")]
    [Test]
    public async Task Many_tasks_and_processes_share_a_store()
    {
        Commit("base");
        using var second = new SecondProcess(nameof(PrepareMany), _directory.Path, "second");

        var tasks = Enumerable.Range(0, 4).Select(task => Task.Run(() => PrepareMany(_store, $"task{task}"))).ToArray();
        await Task.WhenAll(tasks);
        second.WaitForOutput();

        Assert.That(_store.List().Select(snapshot => snapshot.Id), Is.EqualTo(new[] { "base" }));
        Assert.That(Directory.GetDirectories(_directory["overlay"]), Has.Length.EqualTo(1));
    }

    internal static void PrepareMany(string[] arguments)
    {
        using var store = SnapshotStore.Open(arguments[0], new OverlayDriver(), Rootless.Options);
        PrepareMany(store, arguments[1]);
    }

    private static void PrepareMany(SnapshotStore store, string prefix)
    {
        foreach (var i in Enumerable.Range(0, 50))
        {
            var lease = store.Prepare($"{prefix} {i}", "base");
            using (var tree = store.OpenTree(lease))
            {
                tree.MakeDirectory("/x");
            }

            store.Commit(lease, $"{prefix} layer {i}");
            _ = store.Collect(snapshot => snapshot.Id == "base" || !snapshot.Id.StartsWith(prefix, StringComparison.Ordinal));
        }
    }

    private SnapshotStore Reopen() => SnapshotStore.Open(_directory.Path, new OverlayDriver(), Rootless.Options);

    private Snapshot Commit(string name, string? parent = null) => _store.Commit(_store.PrepareNameless(parent), name);

    /// <summary>Overlay, which gives up early.</summary>
    private sealed class LowDriver : IStorageDriver
    {
        private readonly OverlayDriver _driver = new();

        public string Name => "overlay";

        public int MaxLayers => 4;

        public int MaxNameLength => _driver.MaxNameLength;

        public string? WhyUnsupported(string storeDirectory) => null;

        public void Create(Snapshot snapshot, CancellationToken ct) => _driver.Create(snapshot, ct);

        public IReadOnlyList<Mount> Mounts(Snapshot snapshot) => _driver.Mounts(snapshot);

        public IEnumerable<FileChange> Changes(Snapshot snapshot, CancellationToken ct) => _driver.Changes(snapshot, ct);
    }
}
