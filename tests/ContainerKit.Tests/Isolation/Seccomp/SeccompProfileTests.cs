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
