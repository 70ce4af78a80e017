using System.Collections.Concurrent;
using ContainerKit.Isolation;
using ContainerKit.Isolation.Seccomp;

namespace ContainerKit.Tests.Isolation.Seccomp;

/// <summary>What a profile says of one call, by reading the profile and nothing else: no tables by number, no ranges, no ordering.</summary>
internal static class NaiveSeccomp
{
    private const uint UnknownCall = 0x0005_0000 | 38;
    private static readonly ConcurrentDictionary<SeccompArchitecture, ILookup<uint, string>> Names = [];

    public static uint Evaluate(
        SeccompProfile profile,
        SeccompArchitecture native,
        SeccompArchitecture called,
        CapabilitySet capabilities,
        Version kernel,
        uint number,
        ulong[] arguments)
    {
        if (!profile.ArchitecturesOn(native).Contains(called))
        {
            return SeccompAction.KillProcess.Value;
        }

        var table = SyscallTable.For(called).Numbers;
        if (called == SeccompArchitecture.X64 && number >= 0x4000_0000)
        {
            return UnknownCall;
        }

        var unknown = profile.DefaultAction.MayHappen ? profile.DefaultAction.Value : UnknownCall;
        var names = Names.GetOrAdd(called, _ => table.ToLookup(c => c.Value, c => c.Key))[number].ToList();
        if (names.Count == 0)
        {
            return unknown;
        }

        uint? strictest = null;
        foreach (var rule in profile.Rules.Where(r => r.Applies(native, capabilities, kernel)))
        {
            if ((rule.Names.Intersect(names).Any() && Fits(rule, arguments, called)) || FitsMultiplexed(profile, rule, names, called, arguments))
            {
                strictest = strictest is { } s && new SeccompAction(s).Leniency <= rule.Action.Leniency ? s : rule.Action.Value;
            }
        }

        var newest = profile.Rules.SelectMany(r => r.Names).Where(table.ContainsKey).Select(n => table[n]).DefaultIfEmpty().Max();
        return strictest ?? (number >= 424 && number > newest ? unknown : profile.DefaultAction.Value);
    }

    private static bool FitsMultiplexed(SeccompProfile profile, SeccompRule rule, List<string> names, SeccompArchitecture called, ulong[] arguments) =>
        rule.Names.Any(n => MultiplexedCalls.Find(called, n, rule, profile.DefaultAction) is var (call, condition)
            && names.Contains(call)
            && (uint)arguments[0] == condition.Value);

    private static bool Fits(SeccompRule rule, ulong[] arguments, SeccompArchitecture called)
    {
        var isNarrow = called is SeccompArchitecture.X86 or SeccompArchitecture.Arm;
        var areAlternatives = rule.Conditions.GroupBy(c => c.Argument).Any(g => g.Count() > 1);
        return areAlternatives ? rule.Conditions.Any(c => Holds(c, arguments, isNarrow)) : rule.Conditions.All(c => Holds(c, arguments, isNarrow));
    }

    private static bool Holds(SeccompCondition condition, ulong[] arguments, bool isNarrow)
    {
        var mask = isNarrow ? uint.MaxValue : ulong.MaxValue;
        var (argument, value, second) = (arguments[condition.Argument] & mask, condition.Value & mask, condition.SecondValue & mask);
        return condition.Comparison switch
        {
            SeccompComparison.NotEqual => argument != value,
            SeccompComparison.Less => argument < value,
            SeccompComparison.LessOrEqual => argument <= value,
            SeccompComparison.Equal => argument == value,
            SeccompComparison.GreaterOrEqual => argument >= value,
            SeccompComparison.Greater => argument > value,
            _ => (argument & value) == (second & value),
        };
    }
}
