namespace ContainerKit.Tests.Storage;

public sealed class UnionMountOptionsTests
{
    [Test]
    public void Overlayfs_options_name_the_directories_from_the_top_down()
    {
        var options = UnionMountOptions.Parse("rw,lowerdir=/a:/b,upperdir=/u,workdir=/w,nosuid");

        Assert.Multiple(() =>
        {
            Assert.That(options.Branches.Select(branch => branch.Path), Is.EqualTo(new[] { "/u", "/a", "/b" }));
            Assert.That(options.WorkDirectory, Is.EqualTo("/w"));
            Assert.That(options.Flags, Is.EqualTo(new[] { "rw", "nosuid" }));
            Assert.That(options.Passthrough, Is.EqualTo(PassthroughMode.Auto));
        });
    }

    [Test]
    public void AUFS_options_are_served_without_passthrough_unless_it_is_asked_for()
    {
        var (usual, asked) = (UnionMountOptions.Parse("br:/u=rw:/l=ro+wh"), UnionMountOptions.Parse("br:/u=rw:/l=ro+wh,passthrough=on"));

        Assert.That((usual.Passthrough, asked.Passthrough), Is.EqualTo((PassthroughMode.Off, PassthroughMode.On)));
    }

    [TestCase("lowerdir=/a,upperdir=/u", TestName = "An upper directory without a work directory")]
    [TestCase("lowerdir=/a,metacopy=on", TestName = "An option of overlayfs that is not known here")]
    [TestCase("br:/u=rw,passthrough=perhaps", TestName = "A mode of passthrough that there is not")]
    [TestCase("br:/u=rw,shwh", TestName = "Whiteouts that are to be shown")]
    [TestCase("br:/u=rw:/v=rw,create=best", TestName = "A policy for several writable branches that there is not")]
    [TestCase("", TestName = "No branch at all")]
    public void Is_refused_in_words(string options) =>
        Assert.That(() => UnionMountOptions.Parse(options), Throws.ArgumentException);
}
