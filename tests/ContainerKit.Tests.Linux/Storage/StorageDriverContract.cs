using ContainerKit.Linux;
using ContainerKit.Storage;
using ContainerKit.Storage.Union;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Storage;

/// <summary>What every storage driver does, in the store that it works for.</summary>
// A long file: it is one list of sentences, all of which are true of every driver.
internal abstract class StorageDriverContract
{
    private TemporaryDirectory _directory = null!;
    private SnapshotStore _store = null!;

    private protected TemporaryDirectory Scratch => _directory;

    private protected SnapshotStore Store => _store;

    private protected abstract IStorageDriver Driver { get; }

    private protected virtual SnapshotStoreOptions Options => new();

    [SetUp]
    public void Open()
    {
        _directory = new TemporaryDirectory();
        Needs.That(Driver.WhyUnsupported(_directory.Path) is null, Driver.WhyUnsupported(_directory.Path) ?? "");
        _store = Reopen();
    }

    [TearDown]
    public void Close()
    {
        _store?.Dispose();
        if (Options.Calls is { } calls)
        {
            // What belongs to other ids goes by those who may act as them.
            using var all = RootedDirectory.Open(_directory.Path, calls);
            TreeRemover.Empty(calls, all.Handle);
        }

        _directory.Dispose();
    }

    [Test]
    public void Writing_to_a_child_leaves_its_parent_alone()
    {
        Layer("base", null, new LayerArchive().File("/greeting", "hello"));

        using (var child = _store.Prepare("child", "base"))
        {
            Write(child, "/greeting", "changed");
            Assert.That(Read(child, "/greeting"), Is.EqualTo("changed"));
        }

        using var view = _store.View("look", "base");
        Assert.That(Read(view, "/greeting"), Is.EqualTo("hello"));
    }

    [Test]
    public void A_view_cannot_be_written()
    {
        Layer("base", null, new LayerArchive().File("/greeting", "hello"));

        using var view = _store.View("look", "base");
        using var tree = _store.OpenTree(view);
        Assert.That(() => tree.OpenWrite("/greeting", OpenFlags.Write), Throws.TypeOf<LinuxException>().With.Property("Errno").EqualTo(Errno.EROFS));
    }

    [Test]
    public void Everything_that_a_layer_can_hold_arrives()
    {
        var layer = new LayerArchive()
            .Directory("/", 0x1C9).Directory("/d", 0x16D, 3, 4).File("/d/f", "content", 0x9ED, 5, 6, ("user.note", "text")).Symlink("/s", "/d/f")
            .Fifo("/p").Link("/l", "/d/f").File("/secret", "x", 0).Device("/null", 1, 3);
        Layer("base", null, layer);

        using var view = _store.View("look", "base");
        using var tree = _store.OpenTree(view);
        Assert.That(TreeDump.Of(tree, withTimes: true).Select(line => line.Split(' ')[..8]), Is.EqualTo(new[]
        {
            Line("/", "Directory", "711", "0:0", 0), Line("/d", "Directory", "555", "3:4", 0), Line("/d/f", "File", "4755", "5:6", 7),
            Line("/l", "File", "4755", "5:6", 7), Line("/null", "CharacterDevice", "666", "0:0", 0, "1,3"), Line("/p", "Fifo", "600", "0:0", 0),
            Line("/s", "Symlink", "777", "0:0", 0, "0,0", "/d/f"), Line("/secret", "File", "0", "0:0", 1),
        }).Using<string[]>((a, b) => a.SequenceEqual(b)));
        Assert.That(tree.GetAttribute("/d/f", "user.note"), Is.EqualTo("text"u8.ToArray()));
        Assert.That(tree.Stat("/l").Stat.Inode, Is.EqualTo(tree.Stat("/d/f").Stat.Inode));
    }

    [Test]
    public void The_root_of_a_child_is_described_as_that_of_its_parent()
    {
        Layer("base", null, new LayerArchive().Directory("/", 0x1C0, 7, 8));

        using var child = _store.Prepare("child", "base");
        using var tree = _store.OpenTree(child);
        Assert.That(TreeDump.Of(tree, withTimes: true)[0], Does.StartWith("/ Directory 700 7:8 0 0,0 - 1234567890.123456789"));
    }

    [Test]
    public void A_layer_takes_away_and_puts_back()
    {
        Layer("base", null, new LayerArchive().Directory("/d").File("/d/old", "1").File("/gone", "2").Directory("/swap").File("/swap/inner", "3").File("/turn", "4"));
        Layer("top", "base", new LayerArchive().Whiteout("/gone").Whiteout("/never").Directory("/d").File("/d/new", "5").Opaque("/d")
            .File("/swap", "6").Directory("/turn").File("/turn/x", "7"));

        Assert.That(Paths("top"), Is.EqualTo(new[] { "/", "/d", "/d/new", "/swap", "/turn", "/turn/x" }));
    }

    [Test]
    public void A_whiteout_in_a_layer_never_hides_the_layers_own([Values] bool whiteoutFirst)
    {
        Layer("base", null, new LayerArchive().Directory("/d").File("/d/lower", "1"));
        var layer = new LayerArchive();
        layer = whiteoutFirst
            ? layer.Whiteout("/d").Directory("/d").File("/d/upper", "2")
            : layer.Directory("/d").File("/d/upper", "2").Whiteout("/d");
        Layer("top", "base", layer);

        Assert.That(Paths("top"), Is.EqualTo(new[] { "/", "/d", "/d/upper" }));
    }

    [Test]
    public void A_directory_back_where_a_layer_put_a_file_shows_nothing_of_before()
    {
        Layer("base", null, new LayerArchive().Directory("/d").File("/d/lower", "1"));
        Layer("top", "base", new LayerArchive().File("/d", "file").Directory("/d").File("/d/upper", "2"));

        Assert.That(Paths("top"), Is.EqualTo(new[] { "/", "/d", "/d/upper" }));
    }

    [Test]
    public void Opaque_root_hides_everything_below()
    {
        Layer("base", null, new LayerArchive().Directory("/d").File("/d/a", "1").File("/b", "2"));
        Layer("top", "base", new LayerArchive().Directory("/d").File("/d/own", "3").Opaque("/"));

        Assert.That(Paths("top"), Is.EqualTo(new[] { "/", "/d", "/d/own" }));
    }

    [Test]
    public void A_hard_link_to_a_lower_file_is_one_file_with_it()
    {
        Layer("base", null, new LayerArchive().File("/lower", "content", 0x1A4, 1, 2));
        Layer("top", "base", new LayerArchive().Link("/name", "/lower"));

        using var view = _store.View("look", "top");
        using var tree = _store.OpenTree(view);
        Assert.That(tree.Stat("/name").Stat.Inode, Is.EqualTo(tree.Stat("/lower").Stat.Inode));
        Assert.That(tree.ReadMetadata("/name"), Is.EqualTo(tree.ReadMetadata("/lower")).Using<FileMetadata>((a, b) => (a.UserId, a.GroupId, a.Size) == (b.UserId, b.GroupId, b.Size)));
    }

    [Test]
    public void Links_out_of_the_root_stay_inside()
    {
        var secret = _directory.Write("secret", "host");
        Layer("base", null, new LayerArchive().Directory("/inside").Symlink("/out", "../../../../../../../../inside").Symlink("/abs", "/inside"));
        Layer("top", "base", new LayerArchive().File("/out/a", "1").File("/abs/b", "2"));

        Assert.That(Paths("top"), Is.EqualTo(new[] { "/", "/abs", "/inside", "/inside/a", "/inside/b", "/out" }));
        Assert.That(File.ReadAllText(secret), Is.EqualTo("host"));
    }

    [Test]
    public void A_link_to_directories_that_are_not_there_has_all_of_them_made_inside()
    {
        Layer("base", null, new LayerArchive()
            .Symlink("/log", "/data/logs/here").Directory("/var").Symlink("/var/run", "../one/two/").Symlink("/round", "round").Symlink("/up", "../../../x/y"));

        Layer("top", "base", new LayerArchive().File("/log/deep/app", "1").File("/var/run/pid", "2").File("/up/z", "3"));

        Assert.That(Paths("top"), Is.SupersetOf(new[] { "/data/logs/here/deep/app", "/one/two/pid", "/x/y/z" }));
        Assert.That(() => Layer("more", "base", new LayerArchive().File("/round/a", "4")), Throws.TypeOf<ImageException>());
    }

    [Test]
    public void Directories_that_no_entry_describes_are_made_or_keep_what_they_are()
    {
        Layer("base", null, new LayerArchive().Directory("/known", 0x1C0, 3, 4));
        Layer("top", "base", new LayerArchive().File("/known/a", "1").File("/new/deep/b", "2"));

        using var view = _store.View("look", "top");
        using var tree = _store.OpenTree(view);
        var lines = TreeDump.Of(tree, withTimes: true);
        Assert.That(lines.Single(line => line.StartsWith("/known ", StringComparison.Ordinal)), Does.StartWith("/known Directory 700 3:4 0 0,0 - 1234567890.123456789"));
        Assert.That(lines.Single(line => line.StartsWith("/new/deep ", StringComparison.Ordinal)), Does.StartWith("/new/deep Directory 755 0:0 0 0,0 - 0.000000000"));
    }

    [Test]
    public void A_later_entry_of_a_path_wins()
    {
        Layer("base", null, new LayerArchive().File("/a", "first").File("/a", "second").Directory("/b").File("/b/x").Symlink("/b", "a"));

        using var view = _store.View("look", "base");
        Assert.That(Read(view, "/a"), Is.EqualTo("second"));
        Assert.That(Read(view, "/b"), Is.EqualTo("second"));
    }

    [Test]
    public void Random_layers_make_the_tree_that_they_mean([Range(1, 20)] int seed)
    {
        var model = new LayerModel(seed);
        foreach (var i in Enumerable.Range(0, 4))
        {
            var layer = model.NextLayer();
            Layer($"{i}", i == 0 ? null : $"{i - 1}", layer);

            Assert.That(ModelLines($"{i}"), Is.EqualTo(model.Lines()), $"layer {i}: {layer}");
        }
    }

    [Test]
    public void Attributes_that_only_root_may_set_come_back_with_the_layer()
    {
        const string Capability = "\u0001\0\0\u0002\0\u0020\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        Layer("base", null, new LayerArchive().File("/ping", "program", 0x1ED, attributes: [("security.capability", Capability), ("trusted.note", "x"), ("user.plain", "y")]));
        using var child = _store.Prepare("child", "base");
        using (var tree = _store.OpenTree(child))
        {
            tree.SetMode("/ping", 0x1E8);
        }

        using var layer = _store.OpenLayer(child);
        var attributes = layer.Entries.Single(entry => entry.Path == "/ping").Metadata.ExtendedAttributes;

        Assert.That(attributes.Keys, Is.EquivalentTo(new[] { "security.capability", "trusted.note", "user.plain" }));
        Assert.That(attributes["security.capability"].ToArray(), Is.EqualTo(System.Text.Encoding.Latin1.GetBytes(Capability)));
        Assert.That(attributes["trusted.note"].ToArray(), Is.EqualTo("x"u8.ToArray()));
    }

    [Test]
    public void Nothing_inherits_an_access_control_list_that_its_entry_does_not_have()
    {
        // user::rwx,user:1000:rwx,group::r-x,mask::rwx,other::r-x
        var list = System.Text.Encoding.Latin1.GetString(Convert.FromHexString(
            "02000000" + "01000700FFFFFFFF" + "02000700E8030000" + "04000500FFFFFFFF" + "10000700FFFFFFFF" + "20000500FFFFFFFF"));
        Layer("base", null, new LayerArchive().DirectoryWith("/d", "system.posix_acl_default", list).File("/d/f", mode: 0x180).Directory("/d/inner", 0x1C0).Fifo("/d/p"));
        Layer("top", "base", new LayerArchive().File("/d/later", mode: 0x1A0));

        using var view = _store.View("look", "top");
        using var tree = _store.OpenTree(view);
        Assert.That(tree.ListAttributes("/d"), Is.EqualTo(new[] { "system.posix_acl_default" }));
        Assert.That(new[] { "/d/f", "/d/inner", "/d/p", "/d/later" }.SelectMany(path => tree.ListAttributes(path)), Is.Empty);
        Assert.That(tree.Stat("/d/later").Stat.Permissions, Is.EqualTo(0x1A0));
    }

    [Test]
    public void A_hard_link_to_nothing_is_the_images_fault()
    {
        Assert.That(
            () => Layer("base", null, new LayerArchive().Link("/name", "/absent")),
            Throws.TypeOf<ImageException>().With.Message.Contains("/name").And.Message.Contains("/absent"));
    }

    [Test]
    public void Changes_are_those_of_docker_diff()
    {
        Layer("base", null, new LayerArchive().Directory("/etc").File("/etc/motd", "hi").File("/etc/same", "1").File("/gone").Directory("/var").File("/var/x"));
        using var child = _store.Prepare("child", "base");
        using (var tree = _store.OpenTree(child))
        {
            Overwrite(tree, "/etc/motd", "changed");
            Overwrite(tree, "/etc/new", "new");
            tree.Remove("/gone");
            tree.RemoveTree("/var");
            tree.SetMode("/etc/same", 0x1A4);
            tree.SetTimes("/", LayerArchive.Time, LayerArchive.Time);
        }

        var changes = _store.Changes(child).ToList();

        Assert.That(changes.Select(change => $"{change.Kind.ToString()[0]} {change.Path}"), Is.EqualTo(new[] { "C /etc", "C /etc/motd", "A /etc/new", "D /gone", "D /var" }));
        Assert.That(changes[1].Before!.Size, Is.EqualTo(2));
        Assert.That(changes[1].After!.Size, Is.EqualTo(7));
        Assert.That(changes[3], Has.Property("After").Null.And.Property("Before").Not.Null);
    }

    [Test]
    public void Content_written_with_its_time_turned_back_is_a_change()
    {
        Layer("base", null, new LayerArchive().Directory("/etc").File("/etc/motd", "hello"));
        using var child = _store.Prepare("child", "base");
        Thread.Sleep(20);
        using (var tree = _store.OpenTree(child))
        {
            Overwrite(tree, "/etc/motd", "HELLO");
            tree.SetTimes("/etc/motd", LayerArchive.Time, LayerArchive.Time);
        }

        Assert.That(_store.Changes(child).Select(change => change.Path), Is.EqualTo(new[] { "/etc", "/etc/motd" }).Or.EqualTo(new[] { "/etc/motd" }));
    }

    [Test]
    public void A_layer_made_of_a_snapshot_makes_the_same_tree_again()
    {
        Layer("base", null, new LayerArchive().Directory("/d").File("/d/a", "1").File("/d/b", "2").File("/plain", "3").Directory("/whole").File("/whole/x"));
        using var child = _store.Prepare("child", "base");
        using (var tree = _store.OpenTree(child))
        {
            Overwrite(tree, "/d/a", "changed");
            tree.Link("/plain", "/d/name");
            tree.RemoveTree("/whole");
            tree.MakeDirectory("/whole", 0x1F8);
            Overwrite(tree, "/whole/new", "n");
            tree.Remove("/d/b");
            tree.MakeSymlink("/link", "/d/a");
            tree.SetAttribute("/d", "user.mark", "m"u8);
            tree.SetTimes("/d", LayerArchive.Time, new UnixTime(-5, 7));
        }

        using (var layer = _store.OpenLayer(child))
        {
            var again = _store.Prepare("again", "base");
            using (var tree = _store.OpenTree(again, isPrivate: true))
            {
                Replay(layer, tree);
            }

            _store.Commit(again, "rebuilt");
        }

        using var rebuilt = _store.View("look", "rebuilt");
        Assert.That(Dump(rebuilt), Is.EqualTo(Dump(child)));
    }

    [Test]
    public void Devices_stay_devices_through_edits_and_layers()
    {
        Layer("base", null, new LayerArchive().Directory("/d").Device("/d/null", 1, 3, 5, 6).Device("/d/disk", 7, 200, mode: 0x1A0, kind: FileKind.BlockDevice)
            .Device("/d/gone", 1, 5).File("/d/empty"));
        using var child = _store.Prepare("child", "base");
        using (var tree = _store.OpenTree(child))
        {
            tree.Rename("/d/null", "/d/moved");
            tree.SetMode("/d/disk", 0x180);
            tree.SetOwner("/d/disk", 7, 8);
            tree.Remove("/d/gone");
            tree.MakeNode("/made", FileKind.CharacterDevice, 0x1B0, 5, 1);

            Assert.That(tree.List("/d"), Is.EqualTo(new UnionName[] { new("disk", FileKind.BlockDevice), new("empty", FileKind.File), new("moved", FileKind.CharacterDevice) }));
            Assert.That(() => tree.OpenRead("/d/disk"), Throws.TypeOf<LinuxException>().With.Property("Errno").EqualTo(Errno.ENXIO));
            Assert.That(tree.ListAttributes("/made"), Is.Empty);
        }

        using var layer = _store.OpenLayer(child);
        var devices = layer.Entries.Where(entry => entry.Kind == LayerEntryKind.Object && entry.Metadata.Kind != FileKind.Directory).Select(entry => (entry.Path, entry.Metadata));

        Assert.That(
            devices.Select(each => $"{each.Path} {each.Metadata.Kind} {each.Metadata.DeviceMajor}:{each.Metadata.DeviceMinor} {Convert.ToString(each.Metadata.Mode, 8)} {each.Metadata.UserId}:{each.Metadata.GroupId}"),
            Is.EqualTo(new[] { "/d/disk BlockDevice 7:200 600 7:8", "/d/moved CharacterDevice 1:3 666 5:6", "/made CharacterDevice 5:1 660 0:0" }));
    }

    [Category("Slow")]
    [Test]
    public void Layers_upon_layers_up_to_128_work()
    {
        Layer("0", null, new LayerArchive().Directory("/d").File("/d/0", "0"));
        foreach (var i in Enumerable.Range(1, 127))
        {
            using var lease = _store.Prepare($"w{i}", $"{i - 1}");
            Write(lease, $"/d/{i % 8}", $"{i}");
            _store.Commit(lease, $"{i}");
        }

        using var view = _store.View("look", "127");
        Assert.That(Read(view, "/d/7"), Is.EqualTo("127"));
        Assert.That(Paths("127"), Has.Count.EqualTo(10));
    }

    private static string[] Line(string path, string kind, string mode, string owner, long size, string device = "0,0", string target = "-") =>
        [path, kind, mode, owner, $"{size}", device, target, "1234567890.123456789"];

    private static void Replay(LayerSource layer, UnionTree tree)
    {
        using var archive = new MemoryStream();
        using (var writer = new ContainerKit.Layers.LayerWriter(archive, leaveOpen: true))
        {
            foreach (var entry in layer.Entries)
            {
                using var content = entry is { Kind: LayerEntryKind.Object, Metadata: { Kind: FileKind.File, Size: > 0 } }
                    ? new FileStream(layer.OpenContent(entry), FileAccess.Read)
                    : null;
                writer.Write(entry, content);
            }

            writer.Finish();
        }

        archive.Position = 0;
        using var reader = new ContainerKit.Layers.LayerReader(archive);
        LayerApplier.Apply(reader, tree);
    }

    private static void Overwrite(UnionTree tree, string path, string content)
    {
        using var file = tree.OpenWrite(path, OpenFlags.Write | OpenFlags.Create | OpenFlags.Truncate);
        RandomAccess.Write(file, System.Text.Encoding.ASCII.GetBytes(content), 0);
    }

    private SnapshotStore Reopen() => SnapshotStore.Open(_directory["snapshots"], Driver, Options);

    private protected void Layer(string name, string? parent, LayerArchive archive)
    {
        using var lease = _store.Prepare($"unpacking {name}", parent);
        using (var tree = _store.OpenTree(lease, isPrivate: true))
        {
            archive.ApplyTo(tree);
        }

        _store.Commit(lease, name);
    }

    private protected void Write(SnapshotLease lease, string path, string content)
    {
        using var tree = _store.OpenTree(lease);
        Overwrite(tree, path, content);
    }

    private string Read(SnapshotLease lease, string path)
    {
        using var tree = _store.OpenTree(lease);
        using var reader = new StreamReader(new FileStream(tree.OpenRead(path), FileAccess.Read));
        return reader.ReadToEnd();
    }

    private protected IReadOnlyList<string> Dump(SnapshotLease lease)
    {
        using var tree = _store.OpenTree(lease);
        return TreeDump.Of(tree, withTimes: true);
    }

    private List<string> ModelLines(string name)
    {
        using var view = _store.View($"look at {name}", name);
        using var tree = _store.OpenTree(view);
        var lines = new List<string>();
        Add("/");
        lines.Sort(StringComparer.Ordinal);
        return lines;

        void Add(string path)
        {
            var found = tree.ReadMetadata(path);
            var content = found.Kind switch
            {
                FileKind.Symlink => found.LinkTarget!,
                FileKind.File => Read(view, path),
                _ => "",
            };
            lines.Add(LayerModel.Line(path, $"{found.Kind}", found.Mode, found.UserId, found.ModifiedTime, content));
            if (found.Kind == FileKind.Directory)
            {
                tree.List(path).ToList().ForEach(child => Add(path == "/" ? "/" + child.Name : $"{path}/{child.Name}"));
            }
        }
    }

    private IReadOnlyList<string> Paths(string name)
    {
        using var view = _store.View($"paths {name}", name);
        return [.. Dump(view).Select(line => line.Split(' ')[0])];
    }
}
