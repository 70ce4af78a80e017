using ContainerKit.Isolation;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Isolation;

public sealed class IsolationEngineTests
{
    private Sandbox _sandbox = null!;

    [SetUp]
    public void MakeSandbox() => _sandbox = new Sandbox();

    [TearDown]
    public void RemoveSandbox() => _sandbox?.Dispose();

    [Test]
    public async Task A_program_runs_as_the_first_process_and_its_output_and_exit_code_come_back()
    {
        var result = await _sandbox.RunAsync("echo hello $$; echo oh >&2; exit 7");

        Assert.That(result, Is.EqualTo(new SandboxResult(new ProcessEnd(7, null), "hello 1", "oh")));
    }

    [Test]
    public async Task A_signal_ends_it_and_is_told_apart_from_an_exit_code()
    {
        using var process = await _sandbox.Engine.StartAsync(_sandbox.Script("sleep 100"), new LaunchStreams());

        process.Signal(9);

        Assert.That(await process.WaitAsync(), Is.EqualTo(new ProcessEnd(null, 9)));
    }

    [Test]
    public async Task What_it_writes_lies_in_the_upper_directory_and_the_lower_one_stays_as_it_was()
    {
        await _sandbox.RunAsync("echo new > /etc/passwd; echo more > /file");

        Assert.That(await File.ReadAllTextAsync($"{_sandbox.Upper}/etc/passwd"), Is.EqualTo("new\n"));
        Assert.That(await File.ReadAllTextAsync($"{_sandbox.Upper}/file"), Is.EqualTo("more\n"));
        Assert.That(await File.ReadAllTextAsync($"{_sandbox.Lower}/etc/passwd"), Does.StartWith("root:x"));
    }

    [Test]
    public async Task It_sees_its_own_host_name_processes_and_network_and_no_mount_of_the_host()
    {
        var result = await _sandbox.RunAsync("hostname; ps -o pid | tail -n +2 | wc -l; ip -o link | wc -l; ip -o addr show lo | grep -c 127.0.0.1; grep -vc ' / / ' /proc/self/mountinfo > /dev/null; cat /proc/mounts");

        var lines = result.Output.Split('\n');
        Assert.That(lines[0], Is.EqualTo("sandbox"));
        Assert.That(int.Parse(lines[1], System.Globalization.CultureInfo.InvariantCulture), Is.LessThanOrEqualTo(4));
        Assert.That(lines[2..4], Is.EqualTo(new[] { "1", "1" }));
        Assert.That(lines[4..].Select(line => line.Split(' ')[1]), Has.None.StartsWith("/tmp").And.None.StartsWith("/work").And.Contain("/proc"));
    }

    [Test]
    public async Task The_usual_file_systems_are_there_with_docker_s_options()
    {
        var result = await _sandbox.RunAsync("cat /proc/mounts");

        Assert.That(result.Output.Split('\n').Select(line => string.Join(' ', line.Split(' ')[1..4])), Is.SupersetOf(new[]
        {
            "/proc proc rw,nosuid,nodev,noexec,relatime",
            "/dev/mqueue mqueue rw,nosuid,nodev,noexec,relatime",
        }));
        Assert.That(result.Output, Does.Match(@"/sys sysfs ro,nosuid,nodev,noexec").And.Match(@"/dev tmpfs rw,nosuid,").And.Match("/dev/pts devpts rw,nosuid,noexec.*mode=620,ptmxmode=666").And.Match("shm /dev/shm tmpfs rw,nosuid,nodev,noexec"));
    }

    [Test]
    public async Task Devices_work_and_only_the_usual_ones_are_there()
    {
        var result = await _sandbox.RunAsync(
            """
            ls /dev; echo x > /dev/null && head -c 3 /dev/zero | wc -c; head -c 3 /dev/urandom | wc -c; ls -l /dev/fd/ | wc -l > /dev/null
            echo x > /dev/full; readlink /dev/stdin; readlink /dev/ptmx; test -c /dev/ptmx && echo terminal
            """);

        Assert.That(result.Output, Is.EqualTo("core\nfd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n3\n3\n/proc/self/fd/0\npts/ptmx\nterminal"));
        Assert.That(result.Error, Does.Contain("No space left"));
    }

    [Test]
    public async Task Nothing_of_the_launch_is_open_or_blocked_in_the_program()
    {
        var result = await _sandbox.RunAsync("ls /proc/self/fd; grep -E '^Sig(Ign|Blk)' /proc/self/status; cat /proc/1/oom_score_adj > /dev/null");

        // Descriptor 3 is ls reading the directory.
        Assert.That(result.Output, Does.StartWith("0\n1\n2\n3\nSigBlk").And.Match(@"SigBlk:\s0+\nSigIgn:\s0+$"));
    }

    [Test]
    public async Task Environment_arguments_working_directory_and_mask_are_what_was_asked_for()
    {
        var spec = _sandbox.Script("");
        spec = spec with
        {
            Process = spec.Process with
            {
                Arguments = ["sh", "-c", "echo $0:$1; pwd; umask; env", "zero", "ü one"],
                Environment = ["PATH=/nowhere:/bin", "A=b c"],
                WorkingDirectory = "/made/for/it",
                Umask = 0x3F,
            },
        };

        var result = await _sandbox.RunAsync(spec);

        Assert.That(result.Output.Split('\n'), Is.SupersetOf(new[] { "zero:ü one", "/made/for/it", "0077", "A=b c", "PATH=/nowhere:/bin" }));
    }

    [Test]
    public async Task Root_has_the_capabilities_asked_for_and_none_to_pass_on()
    {
        var result = await _sandbox.RunAsync("grep -E '^(Cap|NoNewPrivs)' /proc/self/status");

        Assert.That(result.Output.Replace("\t", "", StringComparison.Ordinal).Split('\n'), Is.EqualTo(new[]
        {
            "CapInh:0000000000000000", "CapPrm:00000000a80425fb", "CapEff:00000000a80425fb", "CapBnd:00000000a80425fb", "CapAmb:0000000000000000", "NoNewPrivs:1",
        }));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task Another_user_has_no_capabilities_and_exactly_the_groups_asked_for(bool noNewPrivileges)
    {
        Needs.Root();
        var spec = _sandbox.Script("id; grep -E '^(CapPrm|CapEff|CapBnd|NoNewPrivs|Seccomp:)' /proc/self/status");
        spec = spec with
        {
            Process = spec.Process with
            {
                UserId = 1000,
                GroupId = 1001,
                AdditionalGroups = [5, 7],
                NoNewPrivileges = noNewPrivileges,
                SeccompFilter = AllowAll,
            },
        };

        var result = await _sandbox.RunAsync(spec);

        Assert.That(result.Output.Replace("\t", "", StringComparison.Ordinal), Is.EqualTo(
            $"uid=1000 gid=1001 groups=5,7\nCapPrm:0000000000000000\nCapEff:0000000000000000\nCapBnd:00000000a80425fb\nNoNewPrivs:{(noNewPrivileges ? 1 : 0)}\nSeccomp:2"));
    }

    [Test]
    public async Task Resource_limits_are_set()
    {
        var spec = _sandbox.Script("ulimit -n; ulimit -Hn; ulimit -c");

        var result = await _sandbox.RunAsync(spec with { Process = spec.Process with { Limits = [new ProcessLimit(7, 100, 200), new ProcessLimit(4, 0, 0)] } });

        Assert.That(result.Output, Is.EqualTo("100\n200\n0"));
    }

    [Test]
    public async Task Paths_are_masked_and_made_read_only_and_missing_ones_are_skipped()
    {
        Directory.CreateDirectory($"{_sandbox.Lower}/secret/inside");
        var spec = _sandbox.Script("cat /etc/passwd | wc -c; ls /secret | wc -l; echo x > /proc/sys/kernel/domainname; touch /bin/new; touch /secret/new; wc -c < /proc/filesystems") with
        {
            MaskedPaths = ["/etc/passwd", "/secret", "/not/there", "/etc/passwd/not/there", "/proc/filesystems"],
            ReadOnlyPaths = ["/proc/sys", "/bin", "/not/there"],
        };

        var result = await _sandbox.RunAsync(spec);

        Assert.That(result.Output, Is.EqualTo("0\n0\n0"));
        Assert.That(result.Error.Split('\n'), Has.Length.EqualTo(3).And.All.Contain("Read-only file system"));
    }

    [Test]
    public async Task A_read_only_root_cannot_be_written_and_mounts_on_it_can()
    {
        var spec = _sandbox.Script("touch /file; touch /run/file && ls /run; mkdir /dev/shm/x && echo shared") with
        {
            IsRootReadOnly = true,
            Mounts = [new Mount("tmpfs", "tmpfs", "/run", ["nosuid", "mode=755"])],
        };

        var result = await _sandbox.RunAsync(spec);

        Assert.That(result.Output, Is.EqualTo("file\nshared"));
        Assert.That(result.Error, Does.Contain("/file: Read-only file system"));
    }

    [Test]
    public async Task A_bind_root_is_the_directory_itself()
    {
        var spec = _sandbox.Script("echo here > /tmp/file; cat /tmp/file") with { Root = [new Mount("bind", _sandbox.Lower, "/", ["rw"])] };

        var result = await _sandbox.RunAsync(spec);

        Assert.That(result.Output, Is.EqualTo("here"), result.Error);
        Assert.That(File.Exists($"{_sandbox.Lower}/tmp/file"), Is.True);
    }

    [Test]
    public async Task Seccomp_filters_apply_from_the_first_instruction_of_the_program()
    {
        var spec = _sandbox.Script("grep -E '^Seccomp' /proc/self/status");

        var result = await _sandbox.RunAsync(spec with { Process = spec.Process with { SeccompFilter = AllowAll } });

        Assert.That(result.Output, Does.Contain("Seccomp:\t2").And.Contain("Seccomp_filters:\t1"));
    }

    [Test]
    public async Task Namespaces_that_are_not_asked_for_are_the_host_s()
    {
        var spec = _sandbox.Script("hostname; for name in net ipc cgroup; do readlink /proc/self/ns/$name; done; ls /sys/class/net > /dev/null && ls /dev/shm > /dev/null && echo fine");
        spec = spec with { Hostname = null, Namespaces = spec.Namespaces & ~(Namespaces.Network | Namespaces.Uts | Namespaces.Ipc | Namespaces.Cgroup) };

        var result = await _sandbox.RunAsync(spec);

        Assert.That(result.Output, Is.EqualTo(Shell.Script("hostname; for name in net ipc cgroup; do readlink /proc/self/ns/$name; done; echo fine")), result.Error);
    }

    // BPF_RET | BPF_K, SECCOMP_RET_ALLOW.
    private static readonly byte[] AllowAll = [0x06, 0, 0, 0, 0, 0, 0xFF, 0x7F];
}
