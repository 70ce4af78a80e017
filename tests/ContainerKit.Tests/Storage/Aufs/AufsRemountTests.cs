using ContainerKit.Linux;
using ContainerKit.Storage.Aufs;

namespace ContainerKit.Tests.Storage.Aufs;

public sealed class AufsRemountTests
{
    private static readonly AufsMountOptions Before = AufsMountOptions.Parse("br:/u=rw:/a=ro+wh:/b=ro,dirperm1", "/");

    [TestCase("append:/c", "/u /a /b /c")]
    [TestCase("append=/c=ro", "/u /a /b /c")]
    [TestCase("prepend:/c=rw", "/c /u /a /b")]
    [TestCase("add:1:/c", "/u /c /a /b")]
    [TestCase("ins:1:c", "/u /here/c /a /b", TestName = "A relative path begins where the caller stands")]
    [TestCase("del:/a", "/u /b")]
    [TestCase("append:/a,prepend:/a,add:0:/a", "/u /a /b", TestName = "A branch that is there already stays where it is")]
    [TestCase("br:/u:/c", "/u /c /a /b", TestName = "A list adds what is missing")]
    [TestCase("remount,append:/c,del:/c,append:/d", "/u /a /b /d", TestName = "One word follows the other")]
    public void Branches_come_and_go(string change, string branches) =>
        Assert.That(AufsRemount.Change(Before, change, "/here").Branches.Select(branch => branch.Path), Is.EqualTo(branches.Split(' ')));

    [Test]
    public void A_branch_is_treated_otherwise_and_the_rest_stays()
    {
        var after = AufsRemount.Change(Before, "mod:/u=ro+wh,create=rr", "/");

        Assert.Multiple(() =>
        {
            Assert.That(after.Branches[0].Options, Is.EqualTo(ContainerKit.Storage.Union.BranchOptions.HonoursWhiteouts));
            Assert.That(after.Branches.Skip(1), Is.EqualTo(Before.Branches.Skip(1)));
            Assert.That(after.ChecksTopDirectoryOnly);
            Assert.That(after.CreatePolicy, Is.Not.EqualTo(Before.CreatePolicy));
        });
    }

    [TestCase("del:/c", Errno.ENOENT)]
    [TestCase("mod:/c=ro", Errno.ENOENT)]
    [TestCase("del:/u,del:/a,del:/b", Errno.EBUSY, TestName = "The last branch stays")]
    public void What_cannot_go_is_told_by_AUFSs_error(string change, int errno) =>
        Assert.That(() => AufsRemount.Change(Before, change, "/"), Throws.TypeOf<LinuxException>().With.Property(nameof(LinuxException.Errno)).EqualTo(errno));

    [TestCase("append:/c:/d")]
    [TestCase("add:7:/c")]
    [TestCase("add:x:/c")]
    [TestCase("mod:")]
    [TestCase("unknown")]
    public void What_makes_no_sense_is_refused(string change) => Assert.That(() => AufsRemount.Change(Before, change, "/"), Throws.ArgumentException);

    [Test]
    public void There_is_an_end_to_branches()
    {
        var many = string.Join(',', Enumerable.Range(0, 125).Select(number => $"append:/{number}"));

        Assert.That(
            () => AufsRemount.Change(Before, many, "/"),
            Throws.TypeOf<LinuxException>().With.Property(nameof(LinuxException.Errno)).EqualTo(Errno.ENOSPC));
    }
}
