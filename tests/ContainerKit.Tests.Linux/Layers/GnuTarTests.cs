using ContainerKit.Layers;
using ContainerKit.Linux;
using ContainerKit.Storage;
using ContainerKit.Storage.Union;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Layers;

/// <summary>
/// What GNU tar writes is unpacked; and it is read, written anew, and given back to GNU tar. Both must make the same tree of it as GNU tar
/// makes of its own archive.
/// </summary>
public sealed class GnuTarTests
{
    private const string MakeTree = """
        mkdir "$1" && cd "$1"
        mkdir -p plain/dir sticky closed; chmod 1777 sticky; chmod 700 closed
        echo hello > plain/file; ln plain/file plain/dir/hard; ln plain/file again; ln -s ../nowhere plain/link; mkfifo plain/pipe
        ln -s "$(printf 'target%.0s/' $(seq 30))" plain/long-link; chmod 6755 plain/file
        d=$(printf 'directory%.0s/' $(seq 20)); mkdir -p "$d"; echo deep > "$d/file"; ln "$d/file" deep-hard
        printf x > "$(printf 'n%.0s' $(seq 255))"; printf y > "$(printf 'name with \n newline')"; printf z > 'back\slash *'
        touch -d '2001-02-03 04:05:06.123456789' plain/file; touch -d '1960-01-01 00:00:00.25' plain/pipe; touch -h -d '2040-01-01 00:00:00.5' plain/link
        truncate -s 2M holes; printf begin | dd of=holes conv=notrunc status=none; printf middle | dd of=holes bs=1M seek=1 conv=notrunc status=none
        truncate -s 1M only-hole; truncate -s 4M many; for i in $(seq 0 30); do printf data | dd of=many bs=64k seek=$((i * 2)) conv=notrunc status=none; done
        head -c 100000 /dev/urandom > random; : > empty
        touch -d '2002-02-02 02:02:02.222222222' . plain closed
        """;

    private const string Pack = """cd "$1" && shift && LC_ALL=C tar --sort=name --numeric-owner "$@" -cf "$OUT" .""";

    // What the kernel and the file system, and not the archive, decide is the same on both sides.
    private const string Unpack = """mkdir "$1" && LC_ALL=C tar -C "$1" --numeric-owner --xattrs --xattrs-include='*' -xpf "$2" 2>&1""";

    // Sixty objects in random directories, with names of any byte, odd modes, times of any century, links, holes and attributes.
    private const string MakeRandomTree = """
        mkdir "$1" && cd "$1"
        RANDOM=$2
        dirs=(.) files=()
        for i in $(seq 60); do
            byte=$((RANDOM % 255 + 1)); [ $byte != 47 ] || byte=200
            name="${dirs[RANDOM % ${#dirs[@]}]}/$(printf "$(printf '\\%03o' $byte)")-$i"
            [ $((RANDOM % 12)) != 0 ] || name="$name$(printf 'long%.0s' $(seq 60))"
            mode=$((RANDOM % 4096 | 0400)) time=@$((RANDOM * RANDOM * 4 - 2147483648)).$((RANDOM))
            case $((RANDOM % 8)) in
                0|1) mkdir "$name"; dirs+=("$name"); mode=$((mode | 0700)) ;;
                2) ln -s "target $RANDOM" "$name"; touch -h -d "$time" "$name"; continue ;;
                3) [ ${#files[@]} -gt 0 ] || continue; ln "${files[RANDOM % ${#files[@]}]}" "$name"; continue ;;
                4) mkfifo "$name" ;;
                5) truncate -s $((RANDOM * 100)) "$name"; printf data | dd of="$name" bs=4k seek=$((RANDOM % 100)) conv=notrunc status=none ;;
                *) head -c $((RANDOM)) /dev/urandom > "$name"; files+=("$name"); [ $((RANDOM % 3)) != 0 ] || { setfattr -n "user.note$i" -v "$RANDOM" "$name"; mode=$((mode | 0200)); } ;; # tar, as an ordinary user, sets none where it may not write
            esac
            chmod $(printf %o $mode) "$name"
            touch -d "$time" "$name"
        done
        """;

    private TemporaryDirectory _directory = null!;

    [SetUp]
    public void MakeDirectory()
    {
        Needs.Programs("tar", "setfattr", "getfattr");
        _directory = new TemporaryDirectory();
        Shell.Script(MakeTree, _directory["tree"]);
    }

    [TearDown]
    public void RemoveDirectory() => _directory?.Dispose();

    [Category("Slow")]
    [TestCase("--format=gnu")]
    [TestCase("--format=oldgnu")]
    [TestCase("--format=pax")]
    [TestCase("--format=gnu", "--sparse")]
    [TestCase("--format=oldgnu", "--sparse")]
    [TestCase("--format=pax", "--sparse", "--sparse-version=0.0")]
    [TestCase("--format=pax", "--sparse", "--sparse-version=0.1")]
    [TestCase("--format=pax", "--sparse", "--sparse-version=1.0")]
    [TestCase("--format=ustar", "--exclude=directory*", "--exclude=deep-hard", "--exclude=long-link", "--exclude=nnn*", "--exclude=pipe")]
    [TestCase("--format=v7", "--exclude=directory*", "--exclude=deep-hard", "--exclude=long-link", "--exclude=nnn*", "--exclude=pipe")]
    public void The_tree_is_the_same(params string[] options) => AssertSameTree(options);

    [Test]
    [Category("Slow")]
    public void More_random_trees_are_the_same([Range(3, 12)] int seed) => Random_trees_are_the_same(seed);

    [TestCase(1)]
    [TestCase(2)]
    public void Random_trees_are_the_same(int seed)
    {
        Shell.Script(MakeRandomTree, _directory["random"], $"{seed}");
        Directory.Delete(_directory["tree"], recursive: true);
        Directory.Move(_directory["random"], _directory["tree"]);

        AssertSameTree("--format=pax", "--sparse", "--xattrs", "--xattrs-include=*");
    }

    [Test]
    public void Names_that_are_not_UTF8_are_the_same([Values("--format=gnu", "--format=pax")] string format)
    {
        Shell.Script("""cd "$1"; printf a > "$(printf 'latin \344\377')"; mkdir "$(printf 'd\200%.0s' $(seq 70))"; ln -s "$(printf '\376')" bytes""", _directory["tree"]);

        AssertSameTree(format);
    }

    [Test]
    public void Attributes_are_the_same()
    {
        Shell.Script("""cd "$1"; setfattr -n user.binary -v 0x00ff0a3d20 random; setfattr -n 'user.a=b%c' -v text random; setfattr -n user.empty plain""", _directory["tree"]);

        AssertSameTree("--format=pax", "--xattrs", "--xattrs-include=*");
    }

    [Test]
    public void Owners_devices_and_capabilities_are_the_same([Values("--format=gnu", "--format=pax")] string format)
    {
        Needs.Root();
        Needs.Program("setcap");
        Shell.Script("""cd "$1"; mknod null c 1 3; mknod disk b 259 1048575; chown 3000000000:123456789 random; cp /bin/true capable; setcap cap_net_raw=ep capable""", _directory["tree"]);

        AssertSameTree(format, "--xattrs", "--xattrs-include=*");
    }

    [Test]
    public void Access_control_lists_in_words_are_set_and_given_back_as_attributes()
    {
        Needs.Programs("setfacl", "getfacl");
        Shell.Script("""cd "$1"; setfacl -m u:4000000:r-x,g:4000001:rw- random; setfacl -m u:4000000:--- closed; setfacl -d -m u:4000002:rwx plain/dir""", _directory["tree"]);
        Shell.Script($"export OUT=\"$1\"; shift; {Pack}", _directory["theirs.tar"], _directory["tree"], "--format=pax", "--acls");
        Rewrite(_directory["theirs.tar"], _directory["ours.tar"]);

        Shell.Script(Unpack, _directory["ours"], _directory["ours.tar"]);
        UnpackOurselves(_directory["theirs.tar"], _directory["unpacked"]);

        const string Lists = """cd "$1"; getfacl -R -n . | grep -v '^#'""";
        var expected = Shell.Script(Lists, _directory["tree"]);
        Assert.That(expected, Does.Contain("user:4000000:r-x").And.Contain("default:user:4000002:rwx"));
        Assert.That(Shell.Script(Lists, _directory["unpacked"]), Is.EqualTo(expected));
        Assert.That(Shell.Script(Lists, _directory["ours"]), Is.EqualTo(expected));
    }

    private void AssertSameTree(params string[] options)
    {
        Shell.Script($"export OUT=\"$1\"; shift; {Pack}", [_directory["theirs.tar"], _directory["tree"], .. options]);
        Rewrite(_directory["theirs.tar"], _directory["ours.tar"]);

        Shell.Script(Unpack, _directory["theirs"], _directory["theirs.tar"]);
        Shell.Script(Unpack, _directory["ours"], _directory["ours.tar"]);
        UnpackOurselves(_directory["theirs.tar"], _directory["unpacked"]);

        var expected = TreeListing.Of(_directory["theirs"]);
        Assert.That(TreeListing.Of(_directory["ours"]), Is.EqualTo(expected));
        Assert.That(TreeListing.Of(_directory["unpacked"]), Is.EqualTo(expected));
    }

    private static void UnpackOurselves(string archive, string directory)
    {
        Directory.CreateDirectory(directory);
        using var reader = new LayerReader(File.OpenRead(archive));
        using var tree = UnionTree.OfDirectory(RootedDirectory.Open(directory));
        LayerApplier.Apply(reader, tree);
    }

    private static void Rewrite(string from, string to)
    {
        using var reader = new LayerReader(File.OpenRead(from));
        using var writer = new LayerWriter(File.Create(to));
        while (reader.MoveNext())
        {
            writer.Write(reader.Current, reader.Content);
        }

        writer.Finish();
    }
}
