using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Samples;

/// <summary>A container's life on each storage driver, from the command line.</summary>
[Category("Slow")]
[TestFixture("overlay")]
[TestFixture("aufs")]
[TestFixture("vfs")]
internal sealed class CkitDriverTests(string driver) : CkitFixture
{
    [OneTimeSetUp]
    public void Import()
    {
        if (driver == "aufs")
        {
            Needs.FuseDevice();
        }

        On("import", RootFileSystem, "box:1");
    }

    [Test]
    public void What_one_does_with_a_container_can_be_done()
    {
        var copied = Path.Combine(HostDirectory, $"{driver}-motd");
        File.WriteAllText(copied, "from outside\n");
        On("create", "--name", "edited", "box:1", "true");
        On("cp", copied, "edited:/etc/motd");
        On("commit", "edited", "box:2");
        Assert.That(On("run", "--name", "ran", "box:2", "sh", "-c", "cat /etc/motd; rm /etc/text; echo inside > /tmp/inside"), Is.EqualTo("from outside"));

        var fork = On("fork", "ran");

        Assert.That(fork, Does.Match("^[0-9a-f]{64}$"));
        On("cp", copied, $"{fork}:/etc/later");
        Assert.That(On("diff", fork), Is.EqualTo("C /etc\nA /etc/later\nD /etc/text\nC /tmp\nA /tmp/inside"));
        Assert.That(On("diff", "ran"), Is.EqualTo("C /etc\nD /etc/text\nC /tmp\nA /tmp/inside"));
        On("rm", "ran");
        Assert.That(On("commit", fork, "box:3"), Is.EqualTo("box:3"));
        Assert.That(On("run", "--rm", "box:3", "sh", "-c", "cat /etc/motd /tmp/inside; ls /etc"), Is.EqualTo("from outside\ninside\nlater\nmotd\npasswd"));
        On("rm", fork);
        On("check");
    }

    private string On(params string[] arguments)
    {
        var result = CkitIn($"store-{driver}", ["--driver", driver, .. arguments]);
        Assert.That(result.ExitCode, Is.Zero, $"ckit {string.Join(' ', arguments)}: {result.Error}");
        return result.Output.TrimEnd('\n');
    }
}
