namespace ContainerKit.Isolation.Seccomp;

/// <summary>One outcome of a call: the action, if all conditions hold.</summary>
internal readonly record struct SeccompBranch(IReadOnlyList<SeccompCondition> Conditions, SeccompAction Action);

/// <summary>What happens to the calls from a number on: the first branch that fits; the last always does.</summary>
internal readonly record struct SeccompRange(uint First, IReadOnlyList<SeccompBranch> Branches)
{
    /// <summary>Whether the arguments do not matter.</summary>
    public bool IsConstant => Branches.Count == 1;
}

/// <summary>
/// A profile for one architecture, as ranges of call numbers from 0 to the end: all the policy and none of the code. The compiler
/// only writes down what this has decided.
/// </summary>
internal static class SeccompDecisions
{
    /// <summary>From here on, a 64-bit x86 kernel means its x32 calls. They are refused as a kernel without x32 does.</summary>
    private const uint FirstX32Number = 0x4000_0000;

    private static readonly SeccompAction Unknown = SeccompAction.Errno(Linux.Errno.ENOSYS);

    public static IReadOnlyList<SeccompRange> Make(
        SeccompProfile profile, SeccompArchitecture native, SeccompArchitecture architecture, CapabilitySet capabilities, Version kernel)
    {
        var table = SyscallTable.For(architecture).Numbers;
        var branches = CollectBranches(profile, native, architecture, capabilities, kernel);
        var newest = profile.Rules.SelectMany(r => r.Names).Select(n => table.GetValueOrDefault(n)).DefaultIfEmpty().Max();
        var unknown = profile.DefaultAction.MayHappen ? profile.DefaultAction : Unknown;

        var ranges = new List<SeccompRange>();
        var next = 0u;
        foreach (var number in table.Values.Distinct().Order())
        {
            if (number > next)
            {
                Append(ranges, next, [new SeccompBranch([], unknown)]);
            }

            var otherwise = number > newest && number >= SyscallTable.FirstCommonNumber ? unknown : profile.DefaultAction;
            Append(ranges, number, Order(branches.GetValueOrDefault(number) ?? [], otherwise));
            next = number + 1;
        }

        Append(ranges, next, [new SeccompBranch([], unknown)]);
        if (architecture == SeccompArchitecture.X64)
        {
            Append(ranges, FirstX32Number, [new SeccompBranch([], Unknown)]);
        }

        return ranges;
    }

    private static Dictionary<uint, List<SeccompBranch>> CollectBranches(
        SeccompProfile profile, SeccompArchitecture native, SeccompArchitecture architecture, CapabilitySet capabilities, Version kernel)
    {
        var table = SyscallTable.For(architecture).Numbers;
        var found = new Dictionary<uint, List<SeccompBranch>>();
        foreach (var rule in profile.Rules)
        {
            if (!rule.Applies(native, capabilities, kernel))
            {
                continue;
            }

            foreach (var name in rule.Names)
            {
                if (table.TryGetValue(name, out var number))
                {
                    AddTo(found, number, Alternatives(rule.Conditions).Select(c => new SeccompBranch(c, rule.Action)));
                }

                if (MultiplexedCalls.Find(architecture, name, rule, profile.DefaultAction) is var (call, condition))
                {
                    AddTo(found, table[call], [new SeccompBranch([condition], rule.Action)]);
                }
            }
        }

        return found;
    }

    // Two conditions on one argument are alternatives: profiles were written that way before libseccomp could do both.
    private static IEnumerable<IReadOnlyList<SeccompCondition>> Alternatives(IReadOnlyList<SeccompCondition> conditions) =>
        conditions.DistinctBy(c => c.Argument).Count() == conditions.Count ? [conditions] : conditions.Select(c => (SeccompCondition[])[c]);

    private static void AddTo(Dictionary<uint, List<SeccompBranch>> found, uint number, IEnumerable<SeccompBranch> branches)
    {
        if (!found.TryGetValue(number, out var list))
        {
            found[number] = list = [];
        }

        list.AddRange(branches);
    }

    // The strictest first, and nothing after one that always fits.
    private static List<SeccompBranch> Order(List<SeccompBranch> branches, SeccompAction otherwise)
    {
        var ordered = new List<SeccompBranch>(branches.Count + 1);
        foreach (var branch in branches.OrderBy(b => b.Action.Leniency))
        {
            ordered.Add(branch);
            if (branch.Conditions.Count == 0)
            {
                break;
            }
        }

        if (ordered is not [.., { Conditions.Count: 0 }])
        {
            ordered.Add(new SeccompBranch([], otherwise));
        }

        // What would end in the same action anyway needs no looking at arguments.
        while (ordered.Count > 1 && ordered[^2].Action == ordered[^1].Action)
        {
            ordered.RemoveAt(ordered.Count - 2);
        }

        return ordered;
    }

    private static void Append(List<SeccompRange> ranges, uint first, List<SeccompBranch> branches)
    {
        var range = new SeccompRange(first, branches);
        if (ranges is [.., { IsConstant: true } last] && range.IsConstant && last.Branches[0].Action == branches[0].Action)
        {
            return;
        }

        ranges.Add(range);
    }
}
