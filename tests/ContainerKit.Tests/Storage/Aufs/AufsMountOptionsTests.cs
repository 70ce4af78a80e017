using ContainerKit.Storage.Aufs;
using ContainerKit.Storage.Union;
using ContainerKit.Storage.Union.Core;

namespace ContainerKit.Tests.Storage.Aufs;

internal sealed class AufsMountOptionsTests
{
    private const BranchOptions ReadOnly = BranchOptions.None, Honouring = BranchOptions.HonoursWhiteouts, Writable = BranchOptions.Writable;

    [TestCase("br:/rw=rw:/ro=ro+wh")]
    [TestCase("br=/rw=rw:/ro=ro+wh")]
    [TestCase("dirs=/rw=rw:/ro=ro+wh")]
    [TestCase("br:/rw=rw,br:/ro=ro+wh")]
    [TestCase("br:/rw=rw,append:/ro=ro+wh")]
    [TestCase("br:/rw=rw,append=/ro=ro+wh,")]
    [TestCase("br:/ro=ro+wh,prepend:/rw=rw")]
    [TestCase("br:/rw=rw,ins:1:/ro=ro+wh")]
    [TestCase("br:rw:ro=ro+wh")]
    public void Branches_can_be_named_in_many_ways(string text)
    {
        var options = AufsMountOptions.Parse(text, "/");

        Assert.That(options.Branches, Is.EqualTo((AufsBranch[])[new("/rw", Writable), new("/ro", Honouring)]));
    }

    [TestCase("br:/a:/b", Writable, ReadOnly)]
    [TestCase("br:/a=xx:/b=rr", ReadOnly, ReadOnly)]
    [TestCase("br:/a=ro:/b=rw", ReadOnly, Writable)]
    [TestCase("br:/a=rw+nolwh:/b=rr+wh", Writable | BranchOptions.SeparateWhiteouts, Honouring)]
    [TestCase("br:/a=rw+icex:/b=ro+wh+icex", Writable | BranchOptions.LosesAttributes, Honouring | BranchOptions.LosesAttributes)]
    public void A_branch_may_do_what_its_permission_says(string text, int first, int second)
    {
        var options = AufsMountOptions.Parse(text, "/");

        Assert.That(options.Branches.Select(branch => (int)branch.Options), Is.EqualTo((int[])[first, second]));
    }

    [TestCase("")]
    [TestCase("dirperm1")]
    [TestCase("br:/rw=rw,nosuchopt")]
    [TestCase("br:/rw=rw:/e=q=ro")]
    [TestCase("br:/rw=rw:/c,m=ro")]
    [TestCase("br:/rw=rw,append:/a:/b")]
    [TestCase("br:/rw=rw,dirwh=many")]
    [TestCase("br:/rw=rw,dirren")]
    [TestCase("br:/rw=rw,udba=sometimes")]
    public void What_AUFS_or_this_union_does_not_take_is_refused(string text) =>
        Assert.That(() => AufsMountOptions.Parse(text, "/"), Throws.ArgumentException);

    [Test]
    public void A_union_has_127_branches_and_no_more()
    {
        static string List(int count) => "br:" + string.Join(':', Enumerable.Range(0, count).Select(number => $"/layer{number}"));

        Assert.That(AufsMountOptions.Parse(List(127), "/").Branches, Has.Count.EqualTo(127));
        Assert.That(() => AufsMountOptions.Parse(List(128), "/"), Throws.ArgumentException);
    }

    [Test]
    public void The_line_that_Docker_used_is_understood()
    {
        var options = AufsMountOptions.Parse("br:/diff=rw,dio,xino=/dev/shm/aufs.xino,dirperm1,ro,nosuid", "/");

        Assert.That((options.ChecksTopDirectoryOnly, options.InodeFile, options.KeepsLinks), Is.EqualTo((true, "/dev/shm/aufs.xino", true)));
        Assert.That(options.Flags, Is.EqualTo((string[])["ro", "nosuid"]));
    }

    [TestCase("rr", CreateRule.RoundRobin, 0)]
    [TestCase("mfs:30", CreateRule.MostFree, 0)]
    [TestCase("pmfs", CreateRule.ParentMostFree, 0)]
    [TestCase("mfsrr:1024:60", CreateRule.MostFreeOrRoundRobin, 1024)]
    [TestCase("tdmfs:4096", CreateRule.TopDownUnlessFull, 4096)]
    public void A_policy_says_which_writable_branch_gets_what_is_new(string text, object rule, long watermark)
    {
        var options = AufsMountOptions.Parse($"br:/a=rw:/b=rw,create={text}", "/");

        Assert.That(options.CreatePolicy, Is.EqualTo(new CreatePolicy((CreateRule)rule, watermark)));
    }
}
