using ContainerKit.Storage.Union;
using ContainerKit.Storage.Union.Core;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Storage.Union;

/// <summary>Kill -9 at every system call of a copy-up: the branch has the whole file or none of it, and the next union sweeps the rest.</summary>
[Category("Slow")]
internal sealed class CopyUpCrashTests
{
    // More of one kind than a copy-up makes of it, the runtime's own included.
    private const int Patience = 60;

    [Test]
    public void A_file_is_whole_or_not_there(
        [Values("aufs", "overlay")] string dialect,
        [Values("openat2", "copy_file_range", "ftruncate", "fchownat", "fchmod", "setxattr,lsetxattr,fsetxattr", "utimensat", "renameat", "linkat", "unlinkat", "mkdirat")] string call)
    {
        const string SecondName = "ln lower/a/b/file lower/linked";
        _ = KillAtEvery(dialect, call, SecondName);
    }

    // Most files have one name, and go another way: that copy has no name until it is whole.
    [Test]
    public void A_file_of_one_name_is_whole_or_not_there(
        [Values("aufs", "overlay")] string dialect,
        [Values("openat2", "copy_file_range", "ftruncate", "fchown", "fchmod", "fsetxattr", "utimensat", "linkat", "mkdirat")] string call)
    {
        var kills = KillAtEvery(dialect, call, furtherMaking: "");

        Assert.That(kills, Is.GreaterThan(0));
    }

    /// <summary>Kills a copy-up at the first call of a kind, then one at the second, until one comes through.</summary>
    private static int KillAtEvery(string dialect, string call, string furtherMaking)
    {
        Needs.Root();
        Needs.Program("strace");
        var kills = 0;
        for (var n = 1; ; n++)
        {
            using var directory = new TemporaryDirectory();
            Shell.Script($"""
                cd "$1"; mkdir -p upper work lower/a/b; head -c 300000 /dev/urandom > lower/a/b/file; truncate -s 500000 lower/a/b/file
                setfattr -n user.x -v y lower/a/b/file; chown 5:6 lower/a/b/file; chmod 640 lower/a/b/file; {furtherMaking}
                touch -d @1000000000 lower/a/b/file lower/a/b lower/a
                """, directory.Path);
            var before = TreeDump.Of(directory["lower"], withTimes: true);

            var isKilled = Run(dialect, directory.Path, call, n);

            Assert.That(TreeDump.Of(directory["lower"], withTimes: true), Is.EqualTo(before));
            Check(directory, dialect);
            if (!isKilled)
            {
                TestContext.Out.WriteLine($"{call}: killed {kills} times");
                return kills;
            }

            kills++;
            Assert.That(n, Is.LessThan(Patience));
        }
    }

    /// <summary>Copies one file up.</summary>
    internal static void CopyUpOnce(string[] arguments)
    {
        using var union = Open(arguments[0], arguments[1]);
        Environment.ExitCode = CopyUp(union);
    }

    private static bool Run(string dialect, string directory, string call, int n)
    {
        using var process = new SecondProcess(
            nameof(CopyUpOnce), ["strace", "-f", "-o", "/dev/null", "-e", $"trace={call}", "-e", $"inject={call}:signal=SIGKILL:when={n}"], directory, dialect);
        return process.WaitForExit() switch
        {
            0 => false,
            137 => true,
            var other => throw new InvalidOperationException($"It ended with {other}."),
        };
    }

    private static void Check(TemporaryDirectory directory, string dialect)
    {
        var copy = directory["upper/a/b/file"];
        if (File.Exists(copy))
        {
            Assert.That(TreeDump.Of(directory["upper/a/b"], withTimes: true).Single(line => line.Contains("file", StringComparison.Ordinal)), Is.EqualTo(
                TreeDump.Of(directory["lower/a/b"], withTimes: true).Single(line => line.Contains("file", StringComparison.Ordinal))));
        }

        using var union = Open(directory.Path, dialect);
        Assert.That(Directory.EnumerateFileSystemEntries(dialect == "aufs" ? directory["upper/.wh..wh.orph"] : directory["work"], "ck-*"), Is.Empty);
        Assert.That(CopyUp(union), Is.Zero);
        Assert.That(File.ReadAllBytes(copy), Is.EqualTo(File.ReadAllBytes(directory["lower/a/b/file"])));
    }

    private static UnionCore Open(string directory, string dialect) => UnionOpening.Open(
        [(Path.Combine(directory, "upper"), BranchOptions.Writable), (Path.Combine(directory, "lower"), BranchOptions.HonoursWhiteouts)],
        dialect == "aufs" ? AufsDialect.Instance : OverlayDialect.Trusted,
        TreeOwnership.Direct,
        dialect == "aufs" ? null : Path.Combine(directory, "work"));

    private static int CopyUp(UnionCore union)
    {
        var errno = union.LookUp(union.Root, "a"u8, out var a, out _);
        errno = errno != 0 ? errno : union.LookUp((DirectoryInode)a, "b"u8, out a, out _);
        errno = errno != 0 ? errno : union.LookUp((DirectoryInode)a, "file"u8, out a, out _);
        return errno != 0 ? errno : union.CopyUp(a);
    }
}
