using ContainerKit.Containers.Volumes;

namespace ContainerKit.Tests.Containers.Volumes;

public class VolumeMountsTests
{
    [Test]
    public void Shorter_paths_come_first_and_equals_stay_in_their_order()
    {
        string[] targets = ["/a/b/c", "/z", "//a//b/", "/y/x", "/a"];

        var ordered = VolumeMounts.Ordered(targets.Select(target => new Mount("tmpfs", "tmpfs", target, []))).Select(mount => mount.Target);

        Assert.That(ordered, Is.EqualTo(new[] { "/z", "/a", "//a//b/", "/y/x", "/a/b/c" }));
    }

    [TestCase("data", true)]
    [TestCase("0_a.b-C", true)]
    [TestCase("", false)]
    [TestCase(".", false)]
    [TestCase("..", false)]
    [TestCase(".data", false)]
    [TestCase("a/b", false)]
    [TestCase("a\nb", false)]
    [TestCase("data\n", false)]
    [TestCase("ünïcode", false)]
    public void A_name_becomes_a_directory_of_the_store_and_of_nothing_else(string name, bool isValid)
    {
        Assert.That(VolumeName.IsValid(name), Is.EqualTo(isValid));
    }

    [Test]
    public void The_name_says_that_there_is_none()
    {
        Assert.That(VolumeName.IsAnonymous(VolumeName.NewAnonymous()), Is.True);
        Assert.That(VolumeName.IsValid(VolumeName.NewAnonymous()), Is.True);
        Assert.That(new[] { new string('a', 63), new string('a', 65), new string('A', 64), new string('g', 64) }.Select(VolumeName.IsAnonymous), Is.All.False);
    }
}
