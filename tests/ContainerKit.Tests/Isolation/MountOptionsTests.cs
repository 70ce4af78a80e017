using ContainerKit.Isolation;
using static ContainerKit.Isolation.KernelFlags;

namespace ContainerKit.Tests.Isolation;

public class MountOptionsTests
{
    [TestCase("ro", MOUNT_ATTR_RDONLY, 0UL)]
    [TestCase("ro,rw", 0UL, MOUNT_ATTR_RDONLY)]
    [TestCase("rw,ro", MOUNT_ATTR_RDONLY, 0UL)]
    [TestCase("nosuid,nodev,noexec", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, 0UL)]
    [TestCase("nosuid,suid", 0UL, MOUNT_ATTR_NOSUID)]
    [TestCase("noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME)]
    [TestCase("noatime,strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME)]
    [TestCase("nodiratime", MOUNT_ATTR_NODIRATIME, 0UL)]
    [TestCase("defaults,relatime,async", 0UL, 0UL)]
    public void The_last_word_on_an_attribute_counts(string options, ulong set, ulong clear)
    {
        var parsed = MountOptions.Parse(options.Split(','));

        Assert.That((parsed.Set, parsed.Clear), Is.EqualTo((set, clear)));
        Assert.That(parsed.OfFileSystem, Is.Empty);
    }

    [TestCase("rprivate", MS_PRIVATE)]
    [TestCase("rslave", MS_SLAVE)]
    [TestCase("shared", MS_SHARED)]
    [TestCase("unbindable", MS_UNBINDABLE)]
    public void Mounts_are_private_unless_they_are_meant_to_hear_of_others(string option, ulong propagation)
    {
        Assert.That(MountOptions.Parse([option]).Propagation, Is.EqualTo(propagation));
    }

    [TestCase("bind", false)]
    [TestCase("rbind", true)]
    [TestCase("bind,rbind", true)]
    [TestCase("rbind,bind", true)]
    [TestCase("ro", true)]
    public void A_tree_is_shown_whole_unless_only_one_mount_is_asked_for(string options, bool isRecursive)
    {
        Assert.That(MountOptions.Parse(options.Split(',')).IsRecursive, Is.EqualTo(isRecursive));
    }

    [Test]
    public void All_else_is_the_file_systems_own_in_order()
    {
        var parsed = MountOptions.Parse(["size=1m", "ro", "mode=1777", "volatile", "a=b=c"]);

        Assert.That(parsed.OfFileSystem, Is.EqualTo(new (string, string?)[] { ("size", "1m"), ("mode", "1777"), ("volatile", null), ("a", "b=c") }));
    }
}
