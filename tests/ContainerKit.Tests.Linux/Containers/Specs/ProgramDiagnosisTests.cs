using ContainerKit.Containers.Specs;
using ContainerKit.Isolation;
using ContainerKit.Linux;
using ContainerKit.Storage.Union;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers.Specs;

internal sealed class ProgramDiagnosisTests
{
    private static readonly Platform Mainframe = new("linux", "s390x");

    private TemporaryDirectory _root = null!;

    [SetUp]
    public void MakeRoot() => _root = new TemporaryDirectory();

    [TearDown]
    public void RemoveRoot() => _root.Dispose();

    [TestCase("/bin/script")]
    [TestCase("script")]
    [TestCase("./bin/script")]
    public void A_script_without_its_interpreter_says_which_that_is(string program)
    {
        _root.Write("bin/script", "#!/usr/bin/python3 -u\n");

        Assert.That(Explain(program), Does.EndWith("bin/script' needs the interpreter '/usr/bin/python3', which is not in the container."));
    }

    [Test]
    public void A_script_that_was_written_on_Windows_says_so()
    {
        _root.Write("bin/sh", "a shell");
        _root.Write("bin/script", "#!/bin/sh\r\necho hello\r\n");

        Assert.That(Explain("/bin/script"), Does.Contain("Windows").And.Contain("'/bin/sh\\r'"));
    }

    [Test]
    public void A_program_for_another_processor_says_for_which()
    {
        WriteElf("bin/program", "0002", "0016");

        Assert.That(Explain("program"), Is.EqualTo($"'/bin/program' is a program for s390x, and this machine is {Platform.Host}."));
        Assert.That(Explain("program", Mainframe), Is.EqualTo($"the image is for linux/s390x, and this machine is {Platform.Host}."));
    }

    [Test]
    public void Where_nothing_better_is_known_nothing_is_said()
    {
        _root.Write("bin/text", "no program");

        Assert.That(Explain("/bin/text"), Is.Null);
        Assert.That(Explain("no-such-program"), Is.Null);
    }

    private void WriteElf(string path, string type, string machine)
    {
        _root.Write(path, "");
        File.WriteAllBytes(_root[path], Convert.FromHexString($"7f454c46020201000000000000000000{type}{machine}"));
    }

    private string? Explain(string program, Platform? platform = null)
    {
        var spec = new IsolationSpec { Process = new ProcessSpec { Arguments = [program], Environment = ["PATH=/sbin:/bin"] }, Root = [] };
        using var tree = UnionTree.OfDirectory(RootedDirectory.Open(_root.Path));
        return ProgramDiagnosis.Explain(tree, spec, () => platform);
    }
}
