using ContainerKit.Isolation;
using ContainerKit.Isolation.Seccomp;

namespace ContainerKit.Tests.Isolation.Seccomp;

/// <summary>Profiles and arguments by chance; the values of both meet often.</summary>
internal static class RandomSeccomp
{
    private static readonly ulong[] Values =
        [0, 1, 2, 3, 40, 0x7E02_0000, 0xFFFF_FFFF, 0x1_0000_0000, 0x1_0000_0001, 0xFFFF_FFFF_0000_0000, ulong.MaxValue - 1, ulong.MaxValue];

    private static readonly SeccompAction[] Actions =
        [SeccompAction.Allow, SeccompAction.Allow, SeccompAction.Log, SeccompAction.Errno(1), SeccompAction.Errno(13), SeccompAction.Trap,
         SeccompAction.Trace(1), SeccompAction.KillThread, SeccompAction.KillProcess];

    public static SeccompProfile Profile(Random random)
    {
        var names = new[] { SeccompArchitecture.X64, SeccompArchitecture.X86, SeccompArchitecture.Arm64, SeccompArchitecture.Arm }
            .SelectMany(a => SyscallTable.For(a).Numbers.Keys).Distinct().Order().ToArray();

        // Few names met often make rules collide; many names make long trees.
        var pool = random.Next(2) == 0 ? names : random.GetItems(names, 12);
        return new SeccompProfile
        {
            DefaultAction = Actions[random.Next(Actions.Length)] is var d && d == SeccompAction.Allow ? SeccompAction.Log : d,
            Architectures = random.Next(3) == 0 ? [] : ["SCMP_ARCH_X86", "SCMP_ARCH_ARM", "SCMP_ARCH_MIPS"],
            Rules = [.. Enumerable.Range(0, random.Next(40)).Select(_ => Rule(random, pool))],
        };
    }

    public static ulong[] Arguments(Random random, ulong[] corners, SeccompArchitecture called)
    {
        // The kernel gives a filter zeros above a 32-bit argument.
        var mask = called is SeccompArchitecture.X86 or SeccompArchitecture.Arm ? uint.MaxValue : ulong.MaxValue;
        var pool = random.Next(2) == 0 ? corners : Values;
        return [.. Enumerable.Range(0, 6).Select(_ => (random.Next(8) == 0 ? (ulong)random.NextInt64() : pool[random.Next(pool.Length)]) & mask)];
    }

    private static SeccompRule Rule(Random random, string[] pool) => new()
    {
        Names = random.GetItems(pool, random.Next(1, 20)),
        Action = Actions[random.Next(Actions.Length)],
        Conditions = [.. Enumerable.Range(0, Math.Max(0, random.Next(-3, 4))).Select(_ => new SeccompCondition(
            random.Next(6), (SeccompComparison)random.Next(7), Values[random.Next(Values.Length)], Values[random.Next(Values.Length)]))],
        Includes = Terms(random),
        Excludes = Terms(random),
    };

    private static SeccompTerms Terms(Random random) => random.Next(4) > 0 ? new SeccompTerms() : new SeccompTerms
    {
        Capabilities = random.Next(2) == 0 ? default : new CapabilitySet(1UL << random.Next(41)),
        Architectures = random.Next(2) == 0 ? [] : [random.Next(2) == 0 ? "amd64" : "arm64"],
        OldestKernel = random.Next(2) == 0 ? null : new Version(random.Next(4, 9), 1),
    };
}
