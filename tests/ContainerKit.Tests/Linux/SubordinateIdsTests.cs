using ContainerKit.Linux;
using ContainerKit.Tests.Support;

namespace ContainerKit.Tests.Linux;

public class SubordinateIdsTests
{
    [Test]
    public void Lent_ids_follow_the_users_own()
    {
        var map = SubordinateIds.For(1000, 100, "jo", "eve:5:5\njo:100000:65536\n1000:300000:10\n", "jo:200000:3\n");

        Assert.That(map!.Users, Is.EqualTo(new[] { new IdRange(0, 1000, 1), new IdRange(1, 100_000, 65_536), new IdRange(65_537, 300_000, 10) }));
        Assert.That(map.Groups, Is.EqualTo(new[] { new IdRange(0, 100, 1), new IdRange(1, 200_000, 3) }));
        Assert.That(map.IsSingle, Is.False);
    }

    [TestCase("", "jo:1:1\n")]
    [TestCase("jo:100000:65536\n", "")]
    [TestCase("joe:100000:65536\n", "joe:1:1\n")]
    [TestCase("jo:100000:0\n", "jo:100000:5\n")]
    [TestCase("jo:-1:5\n", "jo:100000:5\n")]
    [TestCase("jo:4294967290:10\n", "jo:100000:5\n")]
    [TestCase("jo:999:5\n", "jo:100000:5\n", Description = "The user's own id would be there twice.")]
    public void Without_both_there_is_none(string subuid, string subgid)
    {
        Assert.That(SubordinateIds.For(1000, 1000, "jo", subuid, subgid), Is.Null);
    }

    [Test]
    public void Ranges_that_overlap_are_taken_once()
    {
        var map = SubordinateIds.For(1000, 1000, "jo", "jo:100000:100\njo:100050:100\n", "jo:1:1\n");

        Assert.That(map!.Users, Has.Count.EqualTo(2));
    }

    [Test]
    public void Damaged_files_never_make_a_map_that_the_kernel_would_refuse([Range(0, 9)] int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < 2000; i++)
        {
            var text = Noise.Damage("jo:100000:65536\n1000:4294900000:60000\njo:300000:4294000000\neve:1:1\n", random);

            var ranges = SubordinateIds.For(1000, 1000, "jo", text, "jo:1:1\n")?.Users ?? [];

            Assert.That(ranges.Zip(ranges.Skip(1)), Has.All.Matches<(IdRange A, IdRange B)>(p => p.B.Inside == p.A.Inside + p.A.Count));
            Assert.That(ranges, Has.All.Matches<IdRange>(r => r.Count > 0 && (ulong)r.Outside + r.Count <= uint.MaxValue && (ulong)r.Inside + r.Count <= uint.MaxValue));
        }
    }
}
