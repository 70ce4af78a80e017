using ContainerKit.Linux;
using ContainerKit.Tests.Support;

namespace ContainerKit.Tests.Linux;

public class MountInfoTests
{
    [Test]
    public void A_line_is_read_with_everything_in_it()
    {
        var mount = MountInfo.Parse("36 35 98:0 /a\\040b /mnt\\011\\134x rw,noatime master:1 shared:7 - ext4 /dev/ro\\012ot rw,errors=continue\n").Single();

        Assert.Multiple(() =>
        {
            Assert.That(mount.Root, Is.EqualTo("/a b"));
            Assert.That(mount.Target, Is.EqualTo("/mnt\t\\x"));
            Assert.That(mount.Options, Is.EqualTo(new[] { "rw", "noatime" }));
            Assert.That(mount.Type, Is.EqualTo("ext4"));
            Assert.That(mount.Source, Is.EqualTo("/dev/ro\not"));
            Assert.That(mount.Id, Is.EqualTo("36"));
            Assert.That(mount.Propagation, Is.EqualTo(new[] { "master:1", "shared:7" }));
            Assert.That(mount.SuperOptions, Is.EqualTo(new[] { "rw", "errors=continue" }));
        });
    }

    [Test]
    public void An_empty_source_and_a_mount_point_named_dash_confuse_nobody()
    {
        var mounts = MountInfo.Parse("1 1 0:1 / /- rw - tmpfs  rw\n");

        Assert.That((mounts.Single().Target, mounts.Single().Type, mounts.Single().Source), Is.EqualTo(("/-", "tmpfs", "")));
    }

    [Test]
    public void The_last_mount_on_a_place_is_the_one_that_is_seen()
    {
        var mounts = MountInfo.Parse("1 1 0:1 / /a rw - tmpfs one rw\n2 1 0:2 / /b rw - tmpfs two rw\n3 1 0:3 / /a rw - tmpfs three rw\n");

        Assert.That(MountInfo.Visible(mounts).Select(m => m.Source), Is.EqualTo(new[] { "two", "three" }));
    }

    [Test]
    public void Damaged_lines_are_left_out([Range(0, 9)] int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < 2000; i++)
        {
            var text = Noise.Damage("36 35 98:0 /a\\040b /mnt\\134x rw,noatime master:1 - ext4 /dev/root rw\n37 35 98:0 / / rw - tmpfs none rw\n", random);

            Assert.That(() => MountInfo.Parse(text), Throws.Nothing);
        }
    }
}
