using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Samples;

/// <summary>Unions of directories, mounted from the command line: as <c>ckit mount</c>, and as mount(8) does it.</summary>
internal sealed class CkitMountTests
{
    private TemporaryDirectory _directory = null!;

    [SetUp]
    public void MakeDirectories()
    {
        Needs.Root();
        Needs.FuseDevice();
        _directory = new TemporaryDirectory();
        Shell.Script("""cd "$1"; mkdir a b upper mounted; echo a > a/both; echo b > b/both; echo b > b/below""", _directory.Path);
    }

    [TearDown]
    public void RemoveDirectories() => _directory?.Dispose();

    [Test]
    public void A_union_is_mounted_in_the_background_and_umount_ends_its_server()
    {
        var mounted = SamplePrograms.Run("ckit", ["mount", "--lower", $"{_directory["a"]}:{_directory["b"]}", "--upper", _directory["upper"], Mounted]);
        var server = ServerOf(Mounted);
        File.AppendAllText(_directory["mounted/below"], "and above\n");

        Assert.That(mounted.ExitCode, Is.Zero, mounted.Error);
        Assert.That(File.ReadAllText(_directory["mounted/both"]), Is.EqualTo("a\n"));
        Assert.That(File.ReadAllText(_directory["upper/below"]), Is.EqualTo("b\nand above\n"));
        Assert.That(File.ReadAllText(_directory["b/below"]), Is.EqualTo("b\n"));
        Shell.Run("umount", Mounted);
        Assert.That(HasEnded(server), Is.True);
        Assert.That(Directory.EnumerateFileSystemEntries(Mounted), Is.Empty);
    }

    [TestCase("lowerdir={0}/a:{0}/b,upperdir={0}/upper,workdir={0}/work", "c 0 0")]
    [TestCase("br:{0}/upper=rw:{0}/a=ro+wh:{0}/b=ro+wh", null)]
    public void The_type_is_known_to_mount(string options, string? whiteout)
    {
        Directory.CreateDirectory(_directory["work"]);
        Directory.CreateDirectory(_directory["sbin"]);
        File.CreateSymbolicLink(_directory["sbin/mount.ckunion"], Helper);

        // mount(8) looks for its helpers in /sbin alone, and so it gets one of its own for the moment.
        Shell.Script("""
            unshare --mount --propagation slave bash -euc '
                mount -t tmpfs none /sbin 2> /dev/null || mount -t tmpfs none "$(readlink -f /sbin)"
                ln -s "$1" /sbin/mount.ckunion
                PATH=/usr/bin:/bin mount -t ckunion none "$2" -o "$3"
                rm "$2/below"; echo new > "$2/new"
                PATH=/usr/bin:/bin umount "$2"' bash "$1" "$2" "$3"
            """, Helper, Mounted, string.Format(null, options, _directory.Path));

        Assert.That(File.ReadAllText(_directory["upper/new"]), Is.EqualTo("new\n"));
        Assert.That(File.Exists(_directory["upper/.wh.below"]), Is.EqualTo(whiteout is null));
        Assert.That(File.Exists(_directory["b/below"]), Is.True);
        if (whiteout is not null)
        {
            Assert.That(Shell.Run("stat", "-c", "%F %t %T", _directory["upper/below"]), Does.StartWith("character"));
        }
    }

    [TestCase(1, "Usage: mount.ckunion")]
    [TestCase(1, "-o needs a value", "none", "{0}/mounted", "-o")]
    [TestCase(32, "ENOENT", "none", "{0}/mounted", "-o", "lowerdir={0}/nowhere")]
    [TestCase(32, "ENOENT", "none", "{0}/nowhere", "-o", "lowerdir={0}/a")]
    [TestCase(32, "EINVAL", "none", "{0}/mounted", "-o", "br:{0}/a=ro,perhaps")]
    public void What_goes_wrong_is_told_as_mount_expects_it(int exitCode, string message, params string[] arguments)
    {
        var result = Shell.Try(Helper, arguments.Select(argument => string.Format(null, argument, _directory.Path)));

        Assert.That(result.ExitCode, Is.EqualTo(exitCode));
        Assert.That(result.Error, Does.Contain(message));
        Assert.That(File.ReadAllText("/proc/self/mountinfo"), Does.Not.Contain(Mounted));
    }

    [Test]
    public void A_killed_server_leaves_a_mount_that_says_so_and_that_the_next_one_replaces()
    {
        var arguments = (string[])["mount", "--lower", _directory["b"], "--upper", _directory["upper"], Mounted];
        SamplePrograms.Run("ckit", arguments);
        File.WriteAllText(_directory["mounted/kept"], "kept");
        var server = ServerOf(Mounted);
        Shell.Run("kill", "-9", $"{server}");
        Assert.That(HasEnded(server), Is.True);

        // While the kernel is still cutting it off, it says that instead.
        Assert.That(() => Assert.Catch<IOException>(() => File.ReadAllText(_directory["mounted/kept"]))!.Message, Does.Contain("not connected").After(5_000, 10));
        Assert.That(SamplePrograms.Run("ckit", arguments).ExitCode, Is.Zero);
        Assert.That(File.ReadAllText(_directory["mounted/kept"]), Is.EqualTo("kept"));
        Shell.Run("umount", Mounted);
        Assert.That(File.ReadAllText("/proc/self/mountinfo"), Does.Not.Contain(Mounted));
    }

    private string Mounted => _directory["mounted"];

    private static string Helper => Path.Combine(Path.GetDirectoryName(SamplePrograms.PathOf("ckit"))!, "mount.ckunion");

    private static int ServerOf(string mountPoint) => Directory.EnumerateDirectories("/proc")
        .Where(process => File.Exists($"{process}/cmdline") && Read($"{process}/cmdline").Contains($"\0serve-union\0{mountPoint}\0", StringComparison.Ordinal))
        .Select(process => int.Parse(Path.GetFileName(process), null))
        .First();

    // Whoever should fetch its status may not: then it has no command line any more, and is still there.
    private static bool HasEnded(int process) => SpinWait.SpinUntil(() => Read($"/proc/{process}/cmdline").Length == 0, TimeSpan.FromSeconds(10));

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException)
        {
            // It has ended meanwhile.
            return "";
        }
    }
}
