using System.Diagnostics;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Samples;

/// <summary>ckit with a store of its own, in which lies one image, <c>box:1</c>: busybox, a greeting and two users.</summary>
internal abstract class CkitFixture
{
    private const string MakeTree = """
        mkdir -p "$1"/bin "$1"/etc "$1"/tmp
        cp "$(command -v busybox)" "$1"/bin/busybox
        for name in sh cat echo env false hostname id ls pwd rm sleep stty touch true yes; do ln -s busybox "$1/bin/$name"; done
        echo 'hello from below' > "$1"/etc/motd
        echo 'not a program' > "$1"/etc/text; chmod 755 "$1"/etc/text
        printf 'root:x:0:0::/:/bin/sh\nwww:x:33:33::/:/bin/sh\n' > "$1"/etc/passwd
        tar -C "$1" --owner=0 --group=0 --numeric-owner -czf "$1.tar.gz" .
        """;

    private TemporaryDirectory _directory = null!;

    protected string HostDirectory => _directory.Path;

    /// <summary>The root file system that the image was made of.</summary>
    protected string RootFileSystem => _directory["tree.tar.gz"];

    [OneTimeSetUp]
    public void MakeStore()
    {
        Needs.Overlay();
        Needs.Program("busybox");
        SamplePrograms.PathOf("ckit");
        _directory = new TemporaryDirectory();
        Shell.Script(MakeTree, _directory["tree"]);
        Output("import", RootFileSystem, "box:1");
    }

    [OneTimeTearDown]
    public void RemoveStore() => _directory?.Dispose();

    /// <summary>Runs ckit on the fixture's store.</summary>
    protected ShellResult Ckit(params string[] arguments) => CkitIn("store", arguments);

    /// <summary>Runs ckit on another store.</summary>
    protected ShellResult CkitIn(string store, params string[] arguments) => SamplePrograms.Run("ckit", ["--root", _directory[store], .. arguments]);

    /// <summary>Starts ckit on the fixture's store, and does not wait for its end.</summary>
    protected Process Start(params string[] arguments) => Process.Start(
        new ProcessStartInfo(SamplePrograms.PathOf("ckit"), ["--root", _directory["store"], .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;

    /// <summary>Runs ckit, which must succeed.</summary>
    /// <returns>Its standard output without the last line's end.</returns>
    protected string Output(params string[] arguments)
    {
        var result = Ckit(arguments);
        Assert.That(result.ExitCode, Is.Zero, $"ckit {string.Join(' ', arguments)}: {result.Error}");
        return result.Output.TrimEnd('\n');
    }

    /// <summary>Runs a program in a container that is removed afterwards.</summary>
    protected string RunInBox(string[] options, params string[] command) => Output(["run", "--rm", .. options, "box:1", .. command]);
}
