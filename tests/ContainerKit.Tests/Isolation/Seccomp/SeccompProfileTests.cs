using ContainerKit.Isolation;
using ContainerKit.Isolation.Seccomp;
using ContainerKit.Tests.Support;

namespace ContainerKit.Tests.Isolation.Seccomp;

public class SeccompProfileTests
{
    [Test]
    public void A_rule_is_read_with_everything_that_it_says()
    {
        var profile = SeccompProfile.Parse("""
            {
              "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
              "archMap": [{ "architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"] }],
              "syscalls": [{
                "names": ["clone", "clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 22, "comment": "anything",
                "args": [{ "index": 5, "value": 18446744073709551615, "valueTwo": 7, "op": "SCMP_CMP_MASKED_EQ" }],
                "includes": { "caps": ["CAP_SYS_ADMIN", "CAP_BPF"], "minKernel": "4.8" },
                "excludes": { "arches": ["s390"] }
              }]
            }
            """);

        var rule = profile.Rules.Single();

        Assert.Multiple(() =>
        {
            Assert.That(profile.DefaultAction, Is.EqualTo(SeccompAction.Errno(38)));
            Assert.That(profile.ArchitecturesOn(SeccompArchitecture.X64), Is.EqualTo(new[] { SeccompArchitecture.X64, SeccompArchitecture.X86 }));
            Assert.That(profile.ArchitecturesOn(SeccompArchitecture.Arm64), Is.EqualTo(new[] { SeccompArchitecture.Arm64 }));
            Assert.That(rule.Names, Is.EqualTo(new[] { "clone", "clone3" }));
            Assert.That(rule.Action, Is.EqualTo(SeccompAction.Errno(22)));
            Assert.That(rule.Conditions, Is.EqualTo(new[] { new SeccompCondition(5, SeccompComparison.MaskedEqual, ulong.MaxValue, 7) }));
            Assert.That(rule.Includes.Capabilities, Is.EqualTo(CapabilitySet.Of(Capability.SysAdmin, Capability.Bpf)));
            Assert.That(rule.Includes.OldestKernel, Is.EqualTo(new Version(4, 8)));
            Assert.That(rule.Excludes.Architectures, Is.EqualTo(new[] { "s390" }));
        });
    }

    [Test]
    public void Lists_that_Go_wrote_as_null_are_empty()
    {
        var profile = SeccompProfile.Parse("""
            {"defaultAction":"SCMP_ACT_ALLOW","architectures":null,"archMap":null,
             "syscalls":[{"names":["read"],"action":"SCMP_ACT_LOG","args":null,"includes":{},"excludes":null}]}
            """);

        Assert.That(profile.Rules.Single().Conditions, Is.Empty);
    }

    [TestCase("", "not JSON")]
    [TestCase("{", "not JSON")]
    [TestCase("[]", "not an object")]
    [TestCase("{}", "'defaultAction' is missing")]
    [TestCase("""{"defaultAction":"ALLOW"}""", "no action is called 'ALLOW'")]
    [TestCase("""{"defaultAction":1}""", "not a string")]
    [TestCase("""{"defaultAction":"\ud800"}""", "no Unicode text")]
    [TestCase("""{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":4096}""", "4095 is the highest")]
    [TestCase("""{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":-1}""", "not a whole number")]
    [TestCase("""{"defaultAction":"SCMP_ACT_ERRNO","defaultErrno":"ENOSYS"}""", "without 'defaultErrnoRet'")]
    [TestCase("""{"defaultAction":"SCMP_ACT_ALLOW","architectures":["A"],"archMap":[{"architecture":"B"}]}""", "both")]
    [TestCase("""{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"action":"SCMP_ACT_LOG"}]}""", "names no system call")]
    [TestCase("""{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"]}]}""", "'action' is missing")]
    [TestCase("""{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"a","names":["read"],"action":"SCMP_ACT_LOG"}]}""", "both 'name'")]
    [TestCase("""{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"a","action":"SCMP_ACT_LOG","args":[{"index":6,"op":"SCMP_CMP_EQ"}]}]}""", "no argument 6")]
    [TestCase("""{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"a","action":"SCMP_ACT_LOG","args":[{"index":0}]}]}""", "no 'op'")]
    [TestCase("""{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"a","action":"SCMP_ACT_LOG","args":[{"op":"=="}]}]}""", "no comparison is called '=='")]
    [TestCase("""{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"a","action":"SCMP_ACT_LOG","includes":{"caps":["CAP_X"]}}]}""", "no capability is called 'CAP_X'")]
    [TestCase("""{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"a","action":"SCMP_ACT_LOG","includes":{"minKernel":"new"}}]}""", "not a kernel's version")]
    public void What_is_no_profile_is_refused_in_words(string json, string reason)
    {
        var e = Assert.Throws<IsolationException>(() => SeccompProfile.Parse(json));

        Assert.That(e!.Message, Does.Contain(reason));
    }

    [Test]
    public async Task A_file_is_read_as_its_text_would_be()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("profile.json", [0xEF, 0xBB, 0xBF, .. """{"defaultAction":"SCMP_ACT_LOG"}"""u8]);

        var profile = await SeccompProfile.LoadAsync(path);

        Assert.That((profile.DefaultAction, profile.Document), Is.EqualTo((SeccompAction.Log, """{"defaultAction":"SCMP_ACT_LOG"}""")));
    }

    [Test]
    public void A_file_that_is_too_long_is_not_cut_into_a_profile()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("profile.json", [.. """{"defaultAction":"SCMP_ACT_LOG"}"""u8, .. Enumerable.Repeat((byte)' ', 1 << 20)]);

        Assert.That(() => SeccompProfile.LoadAsync(path), Throws.TypeOf<IsolationException>().With.Message.Contains("1048576 are allowed"));
    }

    [Test]
    public void A_file_that_is_not_there_is_named()
    {
        using var folder = new TemporaryFolder();

        Assert.That(() => SeccompProfile.LoadAsync(folder["none.json"]), Throws.TypeOf<IsolationException>().With.Message.Contains(folder["none.json"]));
    }

    [Test]
    public void Unconfined_is_no_filter_at_all()
    {
        Assert.That(SeccompCompiler.Compile(SeccompProfile.Unconfined, SeccompArchitecture.X64, default, new Version(6, 1)), Is.Empty);
    }

    [Test]
    public void A_document_makes_the_same_profile_again()
    {
        var again = SeccompProfile.Parse(SeccompProfile.Default.Document);

        Assert.That(
            SeccompCompiler.Compile(again, SeccompArchitecture.Arm64, CapabilitySet.All, new Version(6, 1)),
            Is.EqualTo(SeccompCompiler.Compile(SeccompProfile.Default, SeccompArchitecture.Arm64, CapabilitySet.All, new Version(6, 1))));
    }

    [Test]
    public void The_default_profile_reaches_no_keyring_whatever_the_capabilities(
        [Values("keyctl", "add_key", "request_key")] string call,
        [Values(0xC000_003E, 0x4000_0003, 0xC000_00B7, 0x4000_0028)] long called)
    {
        var architecture = (SeccompArchitecture)called;
        var native = architecture is SeccompArchitecture.X64 or SeccompArchitecture.X86 ? SeccompArchitecture.X64 : SeccompArchitecture.Arm64;
        var filter = SeccompCompiler.Compile(SeccompProfile.Default, native, CapabilitySet.All, new Version(6, 1));

        var answer = BpfInterpreter.Run(filter, (uint)architecture, SyscallTable.For(architecture).Numbers[call], 1);

        Assert.That(new SeccompAction(answer).MayHappen, Is.False);
    }

    [Test]
    public void Every_call_that_the_default_profile_names_is_known()
    {
        var names = SeccompProfile.Default.Rules.SelectMany(r => r.Names);

        Assert.That(names, Has.All.Matches<string>(SyscallTable.IsKnownAnywhere));
    }

    [Test]
    public void Damaged_profiles_are_read_or_refused_and_nothing_else([Range(0, 19)] int seed)
    {
        var random = new Random(seed);
        const string Whole = """
            {"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,"archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]}],
             "syscalls":[{"names":["clone"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":2114060288,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"}],
             "includes":{"caps":["CAP_SYS_ADMIN"],"arches":["amd64"],"minKernel":"4.8"},"excludes":{}},{"name":"read","action":"SCMP_ACT_KILL"}]}
            """;
        string[] pieces = ["null", "[]", "{}", "-1", "1e400", "\"\"", "true", "\"\\ud800\"", "99999999999999999999", ",", "\0", "[[[[["];

        for (var i = 0; i < 2000; i++)
        {
            var start = random.Next(Whole.Length);
            var end = Math.Min(Whole.Length, start + random.Next(30));
            var damaged = Whole[..start] + pieces[random.Next(pieces.Length)] + Whole[end..];

            Tolerate.Only<IsolationException>(() =>
                SeccompCompiler.Compile(SeccompProfile.Parse(damaged), SeccompArchitecture.X64, CapabilitySet.DockerDefault, new Version(6, 1)));
        }
    }
}
