using ContainerKit.Linux;
using ContainerKit.Storage.Union;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Storage.Union;

/// <summary>Random operations on a union do what they do on a plain directory, layer upon layer, and the kernel reads the layers the same way.</summary>
internal sealed class UnionTreeModelTests
{
    private const int Layers = 4, StepsPerLayer = 60;

    [Category("Slow")]
    [Test]
    public void A_union_behaves_as_a_directory_and_the_kernel_agrees([Range(1, 40)] int seed)
    {
        using var directory = new TemporaryDirectory();
        var operations = new RandomTreeOperations(seed);
        using var model = RootedDirectory.Open(directory.MakeDirectory("model"));
        var layers = new List<string>();

        for (var layer = 0; layer < Layers; layer++)
        {
            layers.Insert(0, directory.MakeDirectory($"layer{layer}"));
            using var union = OpenUnion(directory, layers, isWritable: true);
            var log = Perform(operations, union, model);
            Assert.That(TreeDump.Of(union), Is.EqualTo(TreeDump.Of(directory["model"])), () => $"layer {layer}, {log}");
            BreakLinks(directory["model"], layers[0]);
        }

        using var reopened = OpenUnion(directory, layers, isWritable: false);
        Assert.That(TreeDump.Of(reopened), Is.EqualTo(TreeDump.Of(directory["model"])));
        KernelAgrees(directory, layers);
    }

    [Category("Slow")]
    [Test]
    public void A_union_of_AUFS_branches_behaves_as_a_directory([Range(1, 40)] int seed)
    {
        using var directory = new TemporaryDirectory();
        var operations = new RandomTreeOperations(seed);
        using var model = RootedDirectory.Open(directory.MakeDirectory("model"));
        var layers = new List<string>();

        for (var layer = 0; layer < Layers; layer++)
        {
            layers.Insert(0, directory.MakeDirectory($"layer{layer}"));
            using var union = OpenUnion(directory, layers, isWritable: true, AufsDialect.Instance);
            var log = Perform(operations, union, model);
            Assert.That(TreeDump.Of(union), Is.EqualTo(TreeDump.Of(directory["model"])), () => $"layer {layer}, {log}");
            BreakLinks(directory["model"], layers[0]);
        }

        using var reopened = OpenUnion(directory, layers, isWritable: false, AufsDialect.Instance);
        Assert.That(TreeDump.Of(reopened), Is.EqualTo(TreeDump.Of(directory["model"])));
    }

    [Test]
    public void What_the_kernel_writes_into_a_mount_the_union_reads([Range(1, 20)] int seed)
    {
        Needs.Root();
        Needs.Overlay();
        using var directory = new TemporaryDirectory();
        var operations = new RandomTreeOperations(seed);
        using var twin = RootedDirectory.Open(directory.MakeDirectory("model"));
        List<string> lower = [directory.MakeDirectory("layer0")];
        using (var first = OpenUnion(directory, lower, isWritable: true))
        {
            _ = Perform(operations, first, twin);
        }

        BreakLinks(lower[0], directory["model"]);
        List<string> layers = [directory.MakeDirectory("layer1"), .. lower];
        var mounted = directory.MakeDirectory("mounted");
        Mount(directory, layers, mounted);

        // A directory of a lower layer cannot be renamed in a mount (EXDEV), so there the mount is its own model.
        using (var inMount = RootedDirectory.Open(mounted))
        using (var same = UnionTree.OfDirectory(RootedDirectory.Open(mounted)))
        {
            _ = Enumerable.Range(0, StepsPerLayer).Select(_ => operations.Step(same, inMount).Operation).ToList();
        }

        var shown = TreeDump.Of(mounted, withTimes: true);
        Shell.Run("umount", mounted);

        using var union = OpenUnion(directory, layers, isWritable: true);
        Assert.That(TreeDump.Of(union, withTimes: true), Is.EqualTo(shown));
    }

    private static string Perform(RandomTreeOperations operations, UnionTree union, RootedDirectory model)
    {
        var log = new List<string>();
        for (var step = 0; step < StepsPerLayer; step++)
        {
            var (operation, inUnion, inModel) = operations.Step(union, model);
            log.Add($"{operation} = {inUnion}");
            Assert.That(inUnion, Is.EqualTo(inModel), () => string.Join('\n', log));
        }

        return string.Join('\n', log);
    }

    private static UnionTree OpenUnion(TemporaryDirectory directory, List<string> layers, bool isWritable, IWhiteoutDialect? dialect = null)
    {
        var opened = layers.Select(path => RootedDirectory.Open(path)).ToList();
        dialect ??= Environment.IsPrivilegedProcess ? OverlayDialect.Trusted : OverlayDialect.User;
        return isWritable
            ? new UnionTree(opened[0], opened[1..], dialect, TreeOwnership.Direct, RootedDirectory.Open(directory.MakeDirectory("staging")))
            : new UnionTree(null, opened, dialect, TreeOwnership.Direct);
    }

    private static void KernelAgrees(TemporaryDirectory directory, List<string> layers)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return;
        }

        Needs.Overlay();
        var mounted = directory.MakeDirectory("mounted");
        Shell.Run("mount", "-t", "overlay", "overlay", "-o", $"ro,lowerdir={string.Join(':', layers)}", mounted);
        Assert.That(TreeDump.Of(mounted), Is.EqualTo(TreeDump.Of(directory["model"])));
        Shell.Run("umount", mounted);
    }

    private static void Mount(TemporaryDirectory directory, List<string> layers, string target) => Shell.Run(
        "mount", "-t", "overlay", "overlay",
        "-o", $"lowerdir={string.Join(':', layers[1..])},upperdir={layers[0]},workdir={directory.MakeDirectory("work")},redirect_dir=off,metacopy=off,index=off",
        target);

    /// <summary>Makes every name a file of its own: overlayfs does that to the names of a lower file one by one, as they are written.</summary>
    private static void BreakLinks(params string[] directories)
    {
        foreach (var path in directories)
        {
            Shell.Script("find \"$1\" -type f -links +1 -print0 | xargs -0 -r -I{} sh -c 'cp -a -- \"$1\" \"$1.tmp\" && mv -f -- \"$1.tmp\" \"$1\"' sh {}", path);
            Shell.Script("find \"$1\" \\( -type p -o -type l \\) -links +1 -print0 | xargs -0 -r -I{} sh -c 'cp -a -- \"$1\" \"$1.tmp\" && mv -f -- \"$1.tmp\" \"$1\"' sh {}", path);
        }
    }
}
