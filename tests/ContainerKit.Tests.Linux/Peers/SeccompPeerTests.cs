using System.Text.Json.Nodes;
using ContainerKit.Isolation;
using ContainerKit.Isolation.Seccomp;
using ContainerKit.Tests.Linux.Isolation;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Peers;

/// <summary>The same profile, the same program and the same calls in a container of runc's and in one of ours.</summary>
/// <remarks>One outcome is another on purpose: an x32 call, which the kernel may not have at all, kills the program there and gets ENOSYS here.</remarks>
internal sealed class SeccompPeerTests
{
    // Calls that neither a static program nor runc needs.
    private const string Forbidding = """
        {"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86"],"syscalls":[
         {"names":["getpriority"],"action":"SCMP_ACT_ERRNO","errnoRet":77},
         {"names":["times","no_such_call_at_all"],"action":"SCMP_ACT_LOG"},
         {"names":["sysinfo"],"action":"SCMP_ACT_ERRNO"},
         {"names":["getsid"],"action":"SCMP_ACT_TRAP"},
         {"names":["getpgid"],"action":"SCMP_ACT_KILL"},
         {"names":["getpgrp"],"action":"SCMP_ACT_KILL_PROCESS"},
         {"names":["sched_get_priority_max"],"action":"SCMP_ACT_TRACE","errnoRet":5},
         {"names":["sched_get_priority_min"],"action":"SCMP_ACT_LOG"},
         {"names":["readahead"],"action":"SCMP_ACT_ERRNO","errnoRet":100,"args":[{"index":1,"value":4294967297,"op":"SCMP_CMP_EQ"}]},
         {"names":["fadvise64"],"action":"SCMP_ACT_ERRNO","errnoRet":100,"args":[{"index":1,"value":4294967297,"op":"SCMP_CMP_NE"}]},
         {"names":["sync_file_range"],"action":"SCMP_ACT_ERRNO","errnoRet":100,"args":[{"index":1,"value":4294967297,"op":"SCMP_CMP_LT"}]},
         {"names":["splice"],"action":"SCMP_ACT_ERRNO","errnoRet":100,"args":[{"index":4,"value":4294967297,"op":"SCMP_CMP_LE"}]},
         {"names":["fallocate"],"action":"SCMP_ACT_ERRNO","errnoRet":100,"args":[{"index":2,"value":4294967297,"op":"SCMP_CMP_GE"}]},
         {"names":["tee"],"action":"SCMP_ACT_ERRNO","errnoRet":100,"args":[{"index":2,"value":4294967297,"op":"SCMP_CMP_GT"}]},
         {"names":["mincore"],"action":"SCMP_ACT_ERRNO","errnoRet":100,"args":[{"index":1,"value":18374686483949813760,"valueTwo":4294967296,"op":"SCMP_CMP_MASKED_EQ"}]},
         {"names":["msync"],"action":"SCMP_ACT_ERRNO","errnoRet":100,"args":[{"index":1,"value":1,"op":"SCMP_CMP_GE"},{"index":2,"value":2,"op":"SCMP_CMP_NE"}]},
         {"names":["madvise"],"action":"SCMP_ACT_ERRNO","errnoRet":100,"args":[{"index":2,"value":900,"op":"SCMP_CMP_EQ"},{"index":2,"value":901,"op":"SCMP_CMP_EQ"}]}
        ]}
        """;

    private static readonly ulong[] Corners = [0, 1, 2, 900, 901, 0xFFFF_FFFF, 0x1_0000_0000, 0x1_0000_0001, 0x1_0000_0002, 0x2_0000_0001, ulong.MaxValue];

    private Sandbox _sandbox = null!;
    private TemporaryDirectory _bundle = null!;

    [SetUp]
    public void MakeBundle()
    {
        Needs.Root();
        Needs.Program("runc");
        Needs.That(SeccompArchitectures.Native == SeccompArchitecture.X64, "some of the calls are those of x64");
        _bundle = new TemporaryDirectory();
        _sandbox = new Sandbox();
        Prober.Build($"{_sandbox.Lower}/bin/prober");
        Shell.Script("mkdir \"$1\"/proc \"$1\"/sys \"$1\"/dev", _sandbox.Lower);
    }

    [TearDown]
    public void RemoveBundle()
    {
        _sandbox?.Dispose();
        _bundle?.Dispose();
    }

    [Test]
    public async Task Every_action_and_comparison_of_a_list_of_what_is_forbidden_means_what_it_means_to_runc()
    {
        string[] plain = ["getpriority", "times", "sysinfo", "getsid", "getpgid", "getpgrp", "sched_get_priority_max", "sched_get_priority_min"];
        (string Name, int Argument)[] compared = [("readahead", 1), ("fadvise64", 1), ("sync_file_range", 1), ("splice", 4), ("fallocate", 2), ("tee", 2), ("mincore", 1), ("msync", 1), ("msync", 2), ("madvise", 2)];
        string[] calls =
        [
            .. plain.Select(name => Prober.Call(name, 0, 0)),
            .. compared.SelectMany(call => Corners.Select(value => Prober.Call(call.Name, With(call.Argument, value)))),
            Prober.Call(700),
        ];

        await CompareAsync(Forbidding, calls);
    }

    [Test]
    public async Task A_list_of_what_is_allowed_means_what_it_means_to_runc()
    {
        string[] missing = ["getpriority", "times", "sysinfo", "personality", "clone3"];
        var names = SyscallTable.For(SeccompArchitecture.X64).Numbers.Keys.Except(missing).Order(StringComparer.Ordinal);
        var profile = $$$"""
            {"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":99,"architectures":["SCMP_ARCH_X86_64"],"syscalls":[
             {"names":["{{{string.Join("\",\"", names)}}}","call_of_tomorrow"],"action":"SCMP_ACT_ALLOW"},
             {"names":["personality"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":0,"op":"SCMP_CMP_EQ"}]},
             {"names":["personality"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":4294967295,"op":"SCMP_CMP_EQ"}]},
             {"names":["clone3"],"action":"SCMP_ACT_ERRNO","errnoRet":38}
            ]}
            """;

        await CompareAsync(profile, [.. missing.Select(name => Prober.Call(name)), .. Corners.Select(value => Prober.Call("personality", value)), Prober.Call("getpid"), Prober.Call(700)]);
    }

    private static ulong[] With(int argument, ulong value)
    {
        // A descriptor that is none: nothing happens, whatever the rest says.
        var arguments = new ulong[6];
        arguments[0] = uint.MaxValue;
        arguments[argument] = value;
        return arguments;
    }

    private async Task CompareAsync(string profile, string[] calls)
    {
        var filter = SeccompCompiler.Compile(SeccompProfile.Parse(profile), SeccompArchitecture.X64, CapabilitySet.DockerDefault, Environment.OSVersion.Version);
        var spec = _sandbox.Script("");
        var ours = await _sandbox.RunAsync(spec with { Process = spec.Process with { Arguments = ["/bin/prober", "probe", .. calls], SeccompFilter = filter } });
        var theirs = RunWithRunc(profile, ["/bin/prober", "probe", .. calls]);

        TestContext.Out.WriteLine(theirs);
        Assert.That(theirs.Split('\n'), Has.Length.EqualTo(calls.Length));
        Assert.That(ours.Output.Split('\n'), Is.EqualTo(theirs.Split('\n')));
        Assert.That(theirs.Split('\n').Select(line => line.Split(' ', 2)[1]).Distinct().Count(), Is.GreaterThanOrEqualTo(3));
    }

    private string RunWithRunc(string profile, string[] arguments)
    {
        Shell.Script("cd \"$1\" && runc spec", _bundle.Path);
        var config = JsonNode.Parse(File.ReadAllText(_bundle["config.json"]))!;
        config["root"] = new JsonObject { ["path"] = _sandbox.Lower, ["readonly"] = true };
        config["process"]!["terminal"] = false;
        config["process"]!["args"] = new JsonArray([.. arguments.Select(argument => (JsonNode)argument)]);
        config["process"]!.AsObject().Remove("rlimits");
        config["linux"]!["seccomp"] = JsonNode.Parse(profile);
        File.WriteAllText(_bundle["config.json"], config.ToJsonString());
        return Shell.Run("runc", "--root", _bundle.MakeDirectory("state"), "run", "--bundle", _bundle.Path, $"seccomp-{Guid.NewGuid():N}");
    }
}
