using ContainerKit.Isolation;
using ContainerKit.Isolation.Seccomp;

namespace ContainerKit.Tests.Isolation.Seccomp;

public class SeccompCompilerTests
{
    private const uint Allow = 0x7FFF_0000, Eperm = 0x0005_0001, Enosys = 0x0005_0026, Kill = 0x8000_0000;
    private const uint X64 = 0xC000_003E, X86 = 0x4000_0003;
    private static readonly Version Kernel = new(6, 18);
    private static readonly ulong[] Corners = [0, 1, 2, 8, 9, 16, 38, 40, 0x0200_0000, 0x1000_0000, 0x7E02_0000, 0xFFFF_FFFF, 0x1_0000_0000, 0x1_0000_0028, ulong.MaxValue];

    [TestCase("x64")]
    [TestCase("arm64")]
    public void The_default_profile_does_what_a_naive_reading_of_it_says_for_every_call(string machine)
    {
        var native = machine == "x64" ? SeccompArchitecture.X64 : SeccompArchitecture.Arm64;
        foreach (var capabilities in new[] { CapabilitySet.DockerDefault, CapabilitySet.All, CapabilitySet.Empty, CapabilitySet.Parse("perfmon") })
        {
            var program = SeccompCompiler.Compile(SeccompProfile.Default, native, capabilities, Kernel);

            AssertSame(SeccompProfile.Default, native, capabilities, program, new Random(1));
        }
    }

    [Test]
    public void Random_profiles_do_what_a_naive_reading_of_them_says([Range(0, 39)] int seed)
    {
        var random = new Random(seed);
        var profile = RandomSeccomp.Profile(random);
        var native = random.Next(2) == 0 ? SeccompArchitecture.X64 : SeccompArchitecture.Arm64;
        var capabilities = new CapabilitySet((ulong)random.NextInt64() & CapabilitySet.All.Bits);

        var program = SeccompCompiler.Compile(profile, native, capabilities, Kernel);

        AssertSame(profile, native, capabilities, program, random);
    }

    [TestCase("read", Allow)]
    [TestCase("openat2", Allow)]
    [TestCase("clone3", Enosys)]
    [TestCase("mount", Eperm)]
    [TestCase("unshare", Eperm)]
    [TestCase("bpf", Eperm)]
    [TestCase("keyctl", Eperm)]
    [TestCase("io_uring_setup", Eperm)]
    [TestCase("kexec_load", Eperm)]
    [TestCase("file_setattr", Enosys)]
    [TestCase("ptrace", Allow)]
    public void The_default_profile_answers_as_dockers(string call, uint answer)
    {
        var program = SeccompCompiler.Compile(SeccompProfile.Default, SeccompArchitecture.X64, CapabilitySet.DockerDefault, Kernel);

        var result = BpfInterpreter.Run(program, X64, SyscallTable.For(SeccompArchitecture.X64).Numbers[call]);

        Assert.That(result, Is.EqualTo(answer));
    }

    [TestCase(56u, 0x0001_1200ul, Allow, TestName = "An ordinary thread may be cloned")]
    [TestCase(56u, 0x1000_0011ul, Eperm, TestName = "A user namespace may not be cloned")]
    [TestCase(56u, 0x0002_0000ul, Eperm, TestName = "A mount namespace may not be cloned")]
    [TestCase(41u, 2ul, Allow, TestName = "An internet socket may be made")]
    [TestCase(41u, 38ul, Eperm, TestName = "A socket of the kernel's cryptography may not be made")]
    [TestCase(41u, 40ul, Eperm, TestName = "A socket to the hypervisor may not be made")]
    [TestCase(41u, 0x1_0000_0028ul, Eperm, TestName = "Bits that the kernel would drop do not hide a socket to the hypervisor")]
    [TestCase(135u, 0xFFFF_FFFFul, Allow, TestName = "The personality may be asked for")]
    [TestCase(135u, 0x0004_0000ul, Eperm, TestName = "The personality may not switch off address randomisation")]
    [TestCase(0x4000_0000u, 0ul, Enosys, TestName = "An x32 call is unknown")]
    [TestCase(0xFFFF_FFFFu, 0ul, Enosys, TestName = "The call that a tracer skips is unknown")]
    [TestCase(470u, 0ul, Enosys, TestName = "A call of tomorrow is unknown")]
    [TestCase(400u, 0ul, Enosys, TestName = "A call in a gap is unknown")]
    public void Arguments(uint call, ulong argument, uint answer)
    {
        var program = SeccompCompiler.Compile(SeccompProfile.Default, SeccompArchitecture.X64, CapabilitySet.DockerDefault, Kernel);

        var result = BpfInterpreter.Run(program, X64, call, argument);

        Assert.That(result, Is.EqualTo(answer));
    }

    [Test]
    public void An_administrator_may_mount_and_clone_namespaces()
    {
        var program = SeccompCompiler.Compile(SeccompProfile.Default, SeccompArchitecture.X64, CapabilitySet.Parse("sys_admin"), Kernel);

        var answers = new[] { "mount", "clone3", "unshare", "setns", "bpf" }
            .Select(c => BpfInterpreter.Run(program, X64, SyscallTable.For(SeccompArchitecture.X64).Numbers[c], 0x1000_0000));

        Assert.That(answers, Is.All.EqualTo(Allow));
    }

    [Test]
    public void An_old_kernel_does_not_get_ptrace()
    {
        var program = SeccompCompiler.Compile(SeccompProfile.Default, SeccompArchitecture.X64, CapabilitySet.DockerDefault, new Version(4, 7));

        var result = BpfInterpreter.Run(program, X64, 101);

        Assert.That(result, Is.EqualTo(Eperm));
    }

    [Test]
    public void A_machine_that_the_profile_does_not_name_is_killed()
    {
        var program = SeccompCompiler.Compile(SeccompProfile.Parse("""{"defaultAction":"SCMP_ACT_ERRNO"}"""), SeccompArchitecture.X64, default, Kernel);

        var results = new[] { X86, 0xC000_00B7u, 0u }.Select(a => BpfInterpreter.Run(program, a, 0));

        Assert.That(results, Is.All.EqualTo(Kill));
    }

    [Test]
    public void Thirty_two_bit_programs_have_numbers_of_their_own()
    {
        var program = SeccompCompiler.Compile(SeccompProfile.Default, SeccompArchitecture.X64, CapabilitySet.DockerDefault, Kernel);

        // 21 is mount there and access here.
        var results = (Old: BpfInterpreter.Run(program, X86, 21), New: BpfInterpreter.Run(program, X64, 21));

        Assert.That(results, Is.EqualTo((Eperm, Allow)));
    }

    [Test]
    public void Forbidding_a_socket_forbids_the_old_way_to_make_one_too()
    {
        var profile = SeccompProfile.Parse("""
            {"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86"],
             "syscalls":[{"names":["socket"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":40,"op":"SCMP_CMP_EQ"}]}]}
            """);
        var program = SeccompCompiler.Compile(profile, SeccompArchitecture.X64, default, Kernel);

        var results = new[] { BpfInterpreter.Run(program, X86, 102, 1), BpfInterpreter.Run(program, X86, 102, 2), BpfInterpreter.Run(program, X86, 359, 40) };

        Assert.That(results, Is.EqualTo(new[] { Eperm, Allow, Eperm }));
    }

    [Test]
    public void The_strictest_of_several_rules_wins_whatever_their_order()
    {
        const string Deny = """{"name":"clone","action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":1,"valueTwo":1,"op":"SCMP_CMP_MASKED_EQ"}]}""";
        const string Permit = """{"name":"clone","action":"SCMP_ACT_ALLOW"}""";
        var programs = new[] { $"{Deny},{Permit}", $"{Permit},{Deny}" }
            .Select(rules => SeccompProfile.Parse($$"""{"defaultAction":"SCMP_ACT_KILL","syscalls":[{{rules}}]}"""))
            .Select(p => SeccompCompiler.Compile(p, SeccompArchitecture.X64, default, Kernel));

        var results = programs.SelectMany(p => new[] { BpfInterpreter.Run(p, X64, 56, 1), BpfInterpreter.Run(p, X64, 56, 2) });

        Assert.That(results, Is.EqualTo(new[] { Eperm, Allow, Eperm, Allow }));
    }

    [Test]
    public void A_profile_that_forbids_nothing_needs_no_filter()
    {
        var program = SeccompCompiler.Compile(SeccompProfile.Parse("""{"defaultAction":"SCMP_ACT_ALLOW"}"""), SeccompArchitecture.X64, default, Kernel);

        Assert.That(program, Is.Empty);
    }

    [Test]
    public void A_list_of_what_is_forbidden_may_not_name_a_call_that_nobody_knows()
    {
        var profile = SeccompProfile.Parse("""{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"mnout","action":"SCMP_ACT_ERRNO"}]}""");

        var e = Assert.Throws<IsolationException>(() => SeccompCompiler.Compile(profile, SeccompArchitecture.X64, default, Kernel));

        Assert.That(e!.Message, Does.Contain("'mnout'"));
    }

    [Test]
    public void A_profile_that_asks_a_supervisor_is_refused()
    {
        var profile = SeccompProfile.Parse("""{"defaultAction":"SCMP_ACT_NOTIFY"}""");

        var e = Assert.Throws<IsolationException>(() => SeccompCompiler.Compile(profile, SeccompArchitecture.X64, default, Kernel));

        Assert.That(e!.Message, Does.Contain("SCMP_ACT_NOTIFY"));
    }

    [Test]
    public void A_profile_that_is_too_long_is_refused()
    {
        var rules = Enumerable.Range(0, 1100).Select(i => $$"""{"name":"ioctl","action":"SCMP_ACT_ALLOW","args":[{"index":1,"value":{{i}},"op":"SCMP_CMP_GT"},{"index":2,"value":7,"op":"SCMP_CMP_NE"}]}""");
        var profile = SeccompProfile.Parse($$"""{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{{string.Join(',', rules)}}]}""");

        var e = Assert.Throws<IsolationException>(() => SeccompCompiler.Compile(profile, SeccompArchitecture.X64, default, Kernel));

        Assert.That(e!.Message, Does.Contain("the kernel takes 4096"));
    }

    private static void AssertSame(SeccompProfile profile, SeccompArchitecture native, CapabilitySet capabilities, byte[] program, Random random)
    {
        foreach (var called in new[] { SeccompArchitecture.X64, SeccompArchitecture.X86, SeccompArchitecture.Arm64, SeccompArchitecture.Arm })
        {
            foreach (var number in (IEnumerable<uint>)[.. Enumerable.Range(0, 480).Select(n => (uint)n), 983_041, 983_047, 0x3FFF_FFFF, 0x4000_0000, 0x4000_0001, uint.MaxValue])
            {
                for (var i = 0; i < 3; i++)
                {
                    var arguments = RandomSeccomp.Arguments(random, Corners, called);
                    var expected = NaiveSeccomp.Evaluate(profile, native, called, capabilities, Kernel, number, arguments);
                    var actual = BpfInterpreter.Run(program, (uint)called, number, arguments);
                    if (actual != expected)
                    {
                        Assert.Fail($"{called} {number} ({string.Join(", ", arguments)}): {actual:x} instead of {expected:x}");
                    }
                }
            }
        }
    }
}
