using ContainerKit.Launch;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Launch;

public class UserNamespaceTrialTests
{
    private static readonly uint User = (uint)Tmds.Linux.LibC.geteuid(), Group = (uint)Tmds.Linux.LibC.getegid();

    [Test]
    public async Task A_user_who_gets_namespaces_is_told_so()
    {
        Needs.UserNamespaces();
        using var directory = new TemporaryDirectory();

        var failure = await UserNamespaceTrial.EnterAsync(User, Group, directory.Path);

        Assert.That(failure, Is.Null);
    }

    [Test]
    public async Task Somebody_elses_id_cannot_be_mapped_and_the_step_is_named()
    {
        Needs.OrdinaryUser();
        Needs.UserNamespaces();
        using var directory = new TemporaryDirectory();

        var failure = await UserNamespaceTrial.EnterAsync(0, Group, directory.Path);

        Assert.That(failure!.Message, Is.EqualTo("write '0 0 1' to '/proc/self/uid_map': Operation not permitted"));
    }

    [Test]
    public async Task Directories_can_be_stacked_in_a_user_namespace()
    {
        Needs.UserNamespaces();
        Needs.Overlay();
        using var directory = new TemporaryDirectory();
        Array.ForEach(["lower", "upper", "work"], name => Directory.CreateDirectory(Path.Combine(directory.Path, name)));

        var failure = await UserNamespaceTrial.StackAsync(
            User, Group, directory.Path, $"{directory.Path}/lower", $"{directory.Path}/upper", $"{directory.Path}/work");
        var nonsense = await UserNamespaceTrial.StackAsync(User, Group, directory.Path, "/nowhere", $"{directory.Path}/upper", $"{directory.Path}/work");

        Assert.That(failure, Is.Null);
        Assert.That(nonsense!.Message, Does.StartWith("mount an overlay in a user namespace"));
    }
}
