using System.Runtime.InteropServices;
using ContainerKit.Isolation;
using ContainerKit.Launch;
using ContainerKit.Linux;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Isolation;

/// <summary>
/// Ways out of a container that others have had: each is tried, and then tried again where what stops it has been taken away, so that
/// the first half proves something. src/ContainerKit/SECURITY.md lists them.
/// </summary>
public sealed class ThreatTests
{
    private const ulong DockerCapabilities = 0xA80425FB, Administrator = 1UL << (int)Capability.SysAdmin;

    private Sandbox _sandbox = null!;
    private TemporaryDirectory _host = null!;

    [SetUp]
    public void MakeSandbox()
    {
        _host = new TemporaryDirectory();
        _sandbox = new Sandbox();
    }

    [TearDown]
    public void RemoveSandbox()
    {
        _sandbox?.Dispose();
        _host.Dispose();
    }

    [Test]
    public async Task A_symlink_that_leads_out_of_the_image_for_others_stays_in_it_for_a_mount()
    {
        _host.Write("precious/file", "the host's");
        _host.Write("shared/file", "shared");
        Directory.CreateDirectory($"{_sandbox.Lower}{_host["precious"]}");
        File.CreateSymbolicLink($"{_sandbox.Lower}/data", _host["precious"]);

        var result = await _sandbox.RunAsync(_sandbox.Script("cat /data/file; echo mine > /data/file") with { Mounts = [new Mount("bind", _host["shared"], "/data", [])] });

        Assert.That(result.Output, Is.EqualTo("shared"));
        Assert.That(File.ReadAllText(_host["precious/file"]), Is.EqualTo("the host's"));

        // Whoever resolves the path on the host gets out.
        Assert.That(File.ReadAllText($"{_sandbox.Lower}/data/file"), Is.EqualTo("the host's"));
    }

    [Test]
    public void The_launch_program_cannot_be_written_by_whoever_gets_hold_of_it()
    {
        using var program = ProgramFile.Create("#!/bin/true\n"u8, directory: null);
        using var unsealed = FileCalls.Local.Open(null, _host.Write("unsealed", "#!/bin/true\n"), OpenFlags.PathOnly, resolve: Resolve.Host);

        Assert.That(() => Overwrite(program), Throws.InstanceOf<Exception>().With.Message.Contains("Operation not permitted").Or.InstanceOf<UnauthorizedAccessException>());
        Assert.That(() => Overwrite(unsealed), Throws.Nothing);
        Assert.That(File.ReadAllText(_host["unsealed"]), Does.StartWith("!"));

        static void Overwrite(SafeHandle file)
        {
            using var again = new FileStream($"/proc/self/fd/{(int)file.DangerousGetHandle()}", System.IO.FileMode.Open, System.IO.FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            again.Write("!"u8);
        }
    }

    [Test]
    public async Task A_descriptor_that_the_host_leaves_open_for_its_children_is_not_the_containers()
    {
        var secret = _host.Write("secret", "the host's");
        using var leak = new FileStream(secret, System.IO.FileMode.Open, System.IO.FileAccess.Read, FileShare.Read | FileShare.Inheritable);
        using var container = await _sandbox.Engine.StartAsync(_sandbox.Script("sleep 100"), new LaunchStreams());

        var inside = await _sandbox.RunAsync("ls -l /proc/self/fd");
        var joined = await Sandbox.JoinAsync(container, "ls -l /proc/self/fd");
        var child = Shell.Run("ls", "-l", "/proc/self/fd");

        Assert.That(inside.Output, Does.Contain("pipe:").And.Not.Contain(secret));
        Assert.That(joined.Output, Does.Contain("pipe:").And.Not.Contain(secret));
        Assert.That(child, Does.Contain(secret));
    }

    [TestCase("rprivate")]
    [TestCase("rslave")]
    public async Task A_mount_inside_does_not_reach_the_host_whose_directory_is_shared(string option)
    {
        Needs.Root();
        var shared = _host.MakeDirectory("shared");
        Shell.Script("mount --bind \"$1\" \"$1\"; mount --make-shared \"$1\"", shared);

        var result = await _sandbox.RunAsync(_sandbox.Script("mkdir /data/below && mount -t tmpfs none /data/below && touch /data/below/inside && echo mounted", DockerCapabilities | Administrator) with
        {
            Mounts = [new Mount("bind", shared, "/data", ["rbind", option])],
        });

        Assert.That(result.Output, Is.EqualTo("mounted"), result.Error);
        Assert.That(File.Exists($"{shared}/below/inside"), Is.False);

        // A mount namespace by itself lets it through.
        Shell.Script("unshare --mount --propagation unchanged sh -c 'mount -t tmpfs none \"$0\"/below && touch \"$0\"/below/inside' \"$1\"", shared);
        Assert.That(File.Exists($"{shared}/below/inside"), Is.True);
    }

    [Test]
    public async Task The_hosts_own_mounts_are_private_to_a_container_however_the_host_shares_them()
    {
        var result = await _sandbox.RunAsync("cat /proc/self/mountinfo");

        Assert.That(result.Output, Does.Contain(" / / ").And.Not.Contain("shared:").And.Not.Contain("master:"));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task Control_groups_can_be_mounted_only_by_an_administrator(bool isAdministrator)
    {
        Needs.Root();
        Needs.CgroupController("memory");

        var result = await _sandbox.RunAsync(_sandbox.Script(
            "grep -c cgroup /proc/mounts; mkdir /cg && mount -t cgroup -o memory cg /cg && echo mounted; busybox sed 's/.*://' /proc/self/cgroup | busybox sort -u",
            DockerCapabilities | (isAdministrator ? Administrator : 0)));

        Assert.That(result.Output, Is.EqualTo(isAdministrator ? "0\nmounted\n/" : "0\n/"), result.Error);
    }

    [Test]
    public async Task Nothing_of_the_kernels_settings_can_be_opened_for_writing()
    {
        const string Everything = """
            busybox find /sys /proc/sys /proc/irq /proc/bus /proc/fs /proc/sysrq-trigger /proc/kcore /proc/timer_list /proc/scsi /proc/acpi -type f 2>/dev/null | {
                count=0
                while read -r file; do
                    count=$((count + 1))
                    if true 2>/dev/null >> "$file"; then echo "$file"; fi
                done
                [ $count -gt 1000 ] && echo done
            }
            """;

        var result = await _sandbox.RunAsync(_sandbox.Script(Everything) with { MaskedPaths = DefaultPaths.Masked, ReadOnlyPaths = DefaultPaths.ReadOnly });

        Assert.That(result.Output, Is.EqualTo("done"), result.Error);
    }

    [TestCase("/proc/sys/kernel/core_pattern")]
    [TestCase("/proc/sys/vm/overcommit_memory")]
    public async Task Root_could_write_the_kernels_settings_if_they_were_not_read_only(string path)
    {
        Needs.Root();
        var open = $"if true >> {path}; then echo open; fi";

        var guarded = await _sandbox.RunAsync(_sandbox.Script(open) with { ReadOnlyPaths = DefaultPaths.ReadOnly });
        var bare = await _sandbox.RunAsync(open);

        Assert.That((guarded.Output, bare.Output), Is.EqualTo(("", "open")));
    }
}
