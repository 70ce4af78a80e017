using ContainerKit.Linux;
using ContainerKit.Storage.Union;
using ContainerKit.Storage.Union.Core;
using ContainerKit.Tests.Linux.Storage.Union;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Storage.Fuse;

/// <summary>A mounted union does what a plain directory does.</summary>
internal sealed class UnionMountTests
{
    private const int Steps = 150;

    private const string Story = """
        set -u
        cd "$1"
        cat a dir/b; ls -A . dir
        echo changed >> a; cat a; stat -c '%s %a %u:%g %F' a dir/b dir/link dir
        rm dir/b; ls -A dir; cat dir/b 2>&1 || :; echo again > dir/b; cat dir/b
        mkdir new new/deep; touch new/deep/x; ls -AR new
        mv new/deep/x new/y; ls -AR new; ln new/y new/z; stat -c %h new/y; rm new/y; stat -c %h new/z
        rmdir new/deep; rmdir new 2>&1 || :; rm new/z; rmdir new; ls -A
        chmod 600 a; chown 5:6 a; stat -c '%a %u:%g' a
        ln -s target sym; readlink sym; mkfifo fifo; stat -c %F fifo
        setfattr -n user.x -v y a; getfattr --only-values -n user.x a; echo; setfattr -x user.x a; getfattr -d a
        truncate -s 3 a; cat a; truncate -s 0 a; stat -c %s a
        rm -r dir; ls -A; mkdir dir; ls -A dir
        exec 3> open; rm open; echo unseen >&3; stat -L -c '%s %h' /proc/self/fd/3; exec 3>&-
        umask 027; touch masked; mkdir masked.d; stat -c '%a' masked masked.d
        mkdir -m 2775 g; chgrp 7 g; chmod g+s g; touch g/f; mkdir g/d; stat -c '%a %g' g/f g/d
        mv a moved; ls -A; mv -n moved fifo || :; mv moved fifo; cat fifo
        """;

    [Test]
    public void A_program_sees_no_difference([Values] bool isAufs, [Values(PassthroughMode.Off, PassthroughMode.Auto)] PassthroughMode passthrough)
    {
        using var directory = new TemporaryDirectory();
        Fill(directory.MakeDirectory("lower1"));
        Fill(directory.MakeDirectory("model"));
        using var union = new MountedUnion(directory, isAufs ? AufsDialect.Instance : OverlayDialect.Trusted, passthrough: passthrough);

        var inUnion = Shell.Script(Story, union.Path);

        Assert.That(inUnion, Is.EqualTo(Shell.Script(Story, directory["model"])));
        Assert.That(TreeDump.Of(directory["lower1"]), Is.EqualTo(FilledTree()));
        Assert.That(Directory.GetFileSystemEntries(union.Upper, "ck-*", SearchOption.AllDirectories), Is.Empty);
    }

    [Category("Slow")]
    [Test]
    public void The_calls_of_POSIX_do_what_they_do_in_a_directory([Values] bool isAufs, [Values(PassthroughMode.Off, PassthroughMode.Auto)] PassthroughMode passthrough)
    {
        Needs.Program("python3");
        using var directory = new TemporaryDirectory();
        FillForPosix(directory.MakeDirectory("lower1"));
        FillForPosix(directory.MakeDirectory("model"));
        using var union = new MountedUnion(directory, isAufs ? AufsDialect.Instance : OverlayDialect.Trusted, passthrough: passthrough);
        var story = PathOf("posix_story.py");

        var inUnion = Shell.Run("python3", story, union.Path, "linked").Split('\n');

        Assert.That(inUnion, Is.EqualTo(Shell.Run("python3", story, directory["model"], "linked").Split('\n')));
    }

    [Test]
    public void A_descriptor_from_before_a_copy_up_is_of_the_same_file_as_those_that_come_after(
        [Values] bool isAufs, [Values(PassthroughMode.Off, PassthroughMode.Auto)] PassthroughMode passthrough)
    {
        Needs.Program("python3");
        using var directory = new TemporaryDirectory();
        File.WriteAllText(Path.Combine(directory.MakeDirectory("lower1"), "file"), "lower");
        File.WriteAllText(Path.Combine(directory.MakeDirectory("model"), "file"), "lower");
        using var union = new MountedUnion(directory, isAufs ? AufsDialect.Instance : OverlayDialect.Trusted, passthrough: passthrough);
        var story = PathOf("descriptor_from_before.py");

        var inUnion = Shell.Run("python3", story, union.Path).Split('\n');

        Assert.That(inUnion, Is.EqualTo(Shell.Run("python3", story, directory["model"]).Split('\n')));
    }

    [Test]
    public void Whoever_has_a_file_open_writes_on_when_a_branch_comes_on_top([Values] bool isAufs)
    {
        using var directory = new TemporaryDirectory();
        using var union = new MountedUnion(directory, isAufs ? AufsDialect.Instance : OverlayDialect.Trusted);
        using var gone = new FileStream(union["gone"], FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        using var kept = new FileStream(union["kept"], FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        File.Delete(union["gone"]);
        gone.Write("before\n"u8);
        kept.Write("before\n"u8);
        var frozen = TreeDump.Of(union.Upper);

        var top = new UnionBranch(RootedDirectory.Open(directory.MakeDirectory("top")), BranchOptions.Writable);
        var staging = directory.MakeDirectory("work2");
        union.Union.PushBranch(top, UnionOpening.OpenStaging(top, union.Union.Dialect, staging, new UnionCoreOptions()));
        gone.Write("after\n"u8);
        kept.Write("after\n"u8);

        Assert.That(File.ReadAllText($"/proc/self/fd/{gone.SafeFileHandle.DangerousGetHandle()}"), Is.EqualTo("before\nafter\n"));
        Assert.That(File.ReadAllText(union["kept"]), Is.EqualTo("before\nafter\n"));
        Assert.That(File.ReadAllText(directory["top/kept"]), Is.EqualTo("before\nafter\n"));
        Assert.That(TreeDump.Of(union.Upper), Is.EqualTo(frozen));
    }

    [Test]
    [Category("Slow")]
    public void A_file_that_is_read_written_truncated_and_mapped_at_random_is_an_array_of_bytes(
        [Values] bool isAufs, [Values(PassthroughMode.Off, PassthroughMode.Auto)] PassthroughMode passthrough, [Range(1, 3)] int seed)
    {
        Needs.Program("python3");
        var start = new byte[50_000 * (seed - 1)];
        new Random(seed).NextBytes(start);
        using var directory = new TemporaryDirectory();
        File.WriteAllBytes(Path.Combine(directory.MakeDirectory("lower1"), "file"), start);
        using var union = new MountedUnion(directory, isAufs ? AufsDialect.Instance : OverlayDialect.Trusted, passthrough: passthrough);

        Shell.Run("python3", PathOf("random_data.py"), union["file"], $"{seed}", "2000");

        Assert.That(File.ReadAllBytes(Path.Combine(union.Upper, "file")), Is.EqualTo(File.ReadAllBytes(union["file"])));
        Assert.That(File.ReadAllBytes(directory["lower1/file"]), Is.EqualTo(start));
    }

    [Test]
    public void Random_operations_leave_what_they_leave_in_a_directory([Values] bool isAufs, [Range(1, 10)] int seed)
    {
        using var directory = new TemporaryDirectory();
        IWhiteoutDialect dialect = isAufs ? AufsDialect.Instance : OverlayDialect.Trusted;
        var operations = new RandomTreeOperations(seed);
        using var model = RootedDirectory.Open(directory.MakeDirectory("model"));
        using (var first = new UnionTree(RootedDirectory.Open(directory.MakeDirectory("lower1")), [], dialect, TreeOwnership.Direct))
        {
            for (var i = 0; i < Steps; i++)
            {
                operations.Step(first, model);
            }
        }

        var log = new List<string>();
        using (var union = new MountedUnion(directory, dialect))
        using (var mounted = UnionTree.OfDirectory(RootedDirectory.Open(union.Path)))
        {
            for (var i = 0; i < Steps; i++)
            {
                var (operation, errno, _) = operations.Step(mounted, model, mayMoveDirectories: false);
                log.Add($"{operation} = {errno}");
            }

            Assert.That(TreeDump.Of(union.Path), Is.EqualTo(TreeDump.Of(directory["model"])), () => string.Join('\n', log));
        }

        if (!isAufs)
        {
            Needs.Overlay();
            Shell.Run("mount", "-t", "overlay", "overlay", "-o", $"ro,lowerdir={directory["upper"]}:{directory["lower1"]}", directory["mounted"]);
            var asTheKernelReadsIt = TreeDump.Of(directory["mounted"]);
            Shell.Run("umount", directory["mounted"]);
            Assert.That(WithoutLinked(asTheKernelReadsIt, log), Is.EqualTo(WithoutLinked(TreeDump.Of(directory["model"]), log)));
        }
    }

    // Names of a lower file part when one is copied up: the mount kept them together, the branches cannot. So whatever was linked is left out.
    private static List<string> WithoutLinked(IEnumerable<string> lines, List<string> log) =>
        log.Exists(step => step.StartsWith("link ", StringComparison.Ordinal)) ? [.. lines.Select(line => line.Split(' ')[0])] : [.. lines];

    private static string PathOf(string program) => Path.Combine(AppContext.BaseDirectory, "Storage", "Fuse", program);

    private static void Fill(string path) => Shell.Script("""
        cd "$1"; echo lower > a; chmod 644 a; mkdir dir; echo below > dir/b; ln -s ../a dir/link; chmod 755 dir . ; touch -h -d @1000000000 a dir/b dir/link dir .
        """, path);

    private static void FillForPosix(string path) => Shell.Script("""
        cd "$1"; chmod 755 .; mkdir lower; cd lower
        echo unlinked > unlinked; echo file > file; echo other > other; echo linked > link1; ln link1 link2; echo timed > timed; echo setid > setid
        truncate -s 300000 sparse; echo data | dd of=sparse conv=notrunc bs=1 seek=131072 status=none; head -c 8192 /dev/zero > mapped
        """, path);

    private static IReadOnlyList<string> FilledTree()
    {
        using var directory = new TemporaryDirectory();
        Fill(directory.MakeDirectory("same"));
        return TreeDump.Of(directory["same"]);
    }
}
