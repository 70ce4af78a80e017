using ContainerKit.Isolation;
using ContainerKit.Launch;

namespace ContainerKit.Tests.Isolation;

/// <summary>How the layers of a root are told to kernels of each age.</summary>
public class RootPlanTests
{
    private static readonly LaunchHost OldKernel = Plans.RootHost with { HasLowerDirPlus = false };

    [Test]
    public void Layers_are_named_one_by_one_from_the_directory_that_all_are_in()
    {
        var plan = LaunchPlanner.Plan(Plans.Spec, Plans.RootHost);

        var given = plan.Program.Steps.Where(step =>
            step is { Words: "mount the overlay", Call: SystemCall.fsconfig, Arguments: [_, { Value: KernelFlags.FSCONFIG_SET_STRING }, ..] });

        Assert.That(
            given.Select(step => $"{step.Arguments[2]}={step.Arguments[3]}"),
            Is.EqualTo(new[] { "\"source\"=\"overlay\"", "\"lowerdir+\"=\"b\"", "\"lowerdir+\"=\"a\"", "\"upperdir\"=\"c/fs\"", "\"workdir\"=\"c/work\"" }));
        Assert.That(plan.IndexesOf("go to '/store'", "mount the overlay"), Is.Ordered.Ascending);
    }

    [Test]
    public void An_older_kernel_gets_them_as_one_text()
    {
        var mount = LaunchPlanner.Plan(Plans.Spec, OldKernel).Step("mount the overlay");

        Assert.That(mount.Call, Is.EqualTo(SystemCall.mount));
        Assert.That(mount.Arguments[4].ToString(), Is.EqualTo("\"lowerdir=b:a,upperdir=c/fs,workdir=c/work\""));
    }

    [Test]
    public void So_does_a_new_one_when_a_path_is_too_long_for_the_other_way()
    {
        var name = new string('x', 254);

        var fits = LaunchPlanner.Plan(WithLayers(name), Plans.RootHost).Step("mount the overlay");
        var doesNot = LaunchPlanner.Plan(WithLayers(name + "üü"), Plans.RootHost).Step("mount the overlay");

        Assert.That((fits.Call, doesNot.Call), Is.EqualTo((SystemCall.fsopen, SystemCall.mount)));
    }

    [Test]
    public void Layers_that_no_text_can_hold_are_refused_with_a_cure()
    {
        var many = WithLayers([.. Enumerable.Range(0, 100).Select(i => $"{i}{new string('x', 60)}")]);

        Assert.That(() => LaunchPlanner.Plan(many, OldKernel), Throws.TypeOf<HostCapabilityException>().With.Property("Hint").Contains("6.8"));
    }

    [TestCase(new[] { "/a/b", "/a/c" }, "/a")]
    [TestCase(new[] { "/a/b", "/a/b/c" }, "/a/b")]
    [TestCase(new[] { "/a/b", "/a/bc" }, "/a")]
    [TestCase(new[] { "/a", "/b" }, "/")]
    [TestCase(new[] { "/", "/b" }, "/")]
    [TestCase(new[] { "/only" }, "/only")]
    [TestCase(new string[0], "/")]
    public void The_common_directory_ends_between_names(string[] paths, string expected)
    {
        Assert.That(RootSteps.CommonDirectory(paths), Is.EqualTo(expected));
    }

    [Test]
    public void What_parts_options_is_escaped_where_it_is_part_of_a_name()
    {
        var text = RootSteps.OptionText([("lowerdir", "a:b"), ("lowerdir", "c,d\\e"), ("upperdir", "u:p,x"), ("userxattr", null), ("volatile", "")]);

        // Only lower directories are parted by colons.
        Assert.That(text, Is.EqualTo("lowerdir=a\\:b:c\\,d\\\\e,upperdir=u:p\\,x,userxattr,volatile="));
    }

    private static IsolationSpec WithLayers(params string[] names) => Plans.Spec with
    {
        Root = [new Mount("overlay", "overlay", "/", [.. names.Select(name => $"lowerdir=/store/{name}"), "lowerdir=/store/last"])],
    };
}
