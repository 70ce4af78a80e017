namespace ContainerKit.Isolation.Seccomp;

/// <summary>Turns a profile into the BPF program that the kernel runs before each system call. seccomp(2)</summary>
/// <remarks>
/// The program asks for the architecture, finds the call's number in a binary tree of ranges, and then compares arguments, high half
/// first. It reads the number before any argument, and arguments only where they matter, so that the kernel's cache of calls that
/// are always allowed (since 5.11) spares most calls the filter.
/// </remarks>
internal static class SeccompCompiler
{
    // struct seccomp_data: int nr; __u32 arch; __u64 instruction_pointer; __u64 args[6]
    private const uint NumberOffset = 0, ArchitectureOffset = 4, ArgumentsOffset = 16;

    /// <summary>Compiles.</summary>
    /// <param name="profile">The profile.</param>
    /// <param name="architecture">The machine; the profile says which others may be called beside it.</param>
    /// <param name="capabilities">What the container has, for rules that depend on it.</param>
    /// <param name="kernel">The running kernel's version, for rules that depend on it.</param>
    /// <returns><c>struct sock_filter</c> after <c>struct sock_filter</c>, at most 4,096; empty when the profile forbids nothing.</returns>
    /// <exception cref="IsolationException">The profile asks for what a filter cannot do, or is too long.</exception>
    public static byte[] Compile(SeccompProfile profile, SeccompArchitecture architecture, CapabilitySet capabilities, Version kernel)
    {
        Check(profile);
        if (profile.DefaultAction == SeccompAction.Allow && profile.Rules.All(r => r.Action == SeccompAction.Allow))
        {
            return [];
        }

        var program = new BpfProgram();
        var start = program.Return(SeccompAction.KillProcess.Value);
        foreach (var sibling in profile.ArchitecturesOn(architecture).Reverse())
        {
            var ranges = SeccompDecisions.Make(profile, architecture, sibling, capabilities, kernel);
            var section = program.Load(NumberOffset, WriteTree(program, [.. ranges], sibling.HasNarrowArguments()));
            start = program.Branch(BpfCode.JumpIfEqual, (uint)sibling, section, start);
        }

        program.Load(ArchitectureOffset, start);
        return program.Length <= BpfProgram.MaxLength
            ? program.ToArray()
            : throw new IsolationException($"The seccomp profile compiles to {program.Length} instructions, and the kernel takes {BpfProgram.MaxLength}.");
    }

    /// <summary>Refuses a profile that no filter can stand for, whatever the machine and the container.</summary>
    /// <exception cref="IsolationException">It asks for what a filter cannot do.</exception>
    public static void Check(SeccompProfile profile)
    {
        if (profile.DefaultAction.NeedsListener || profile.Rules.Any(r => r.Action.NeedsListener))
        {
            throw new IsolationException("The seccomp profile cannot be used: SCMP_ACT_NOTIFY needs a supervising process, and there is none.");
        }

        // A list of what is forbidden must not forbid less than it says. In a list of what is allowed, a strange name allows nothing.
        if (profile.DefaultAction.MayHappen
            && profile.Rules.Where(r => !r.Action.MayHappen).SelectMany(r => r.Names).FirstOrDefault(n => !SyscallTable.IsKnownAnywhere(n)) is { } name)
        {
            throw new IsolationException($"The seccomp profile cannot be used: it forbids '{name}', and no system call of that name is known.")
            {
                Hint = "Correct the name, or turn the profile into a list of what is allowed.",
            };
        }
    }

    private static int WriteTree(BpfProgram program, ReadOnlySpan<SeccompRange> ranges, bool isNarrow)
    {
        if (ranges is [var only])
        {
            return WriteBranches(program, only.Branches, isNarrow);
        }

        var middle = ranges.Length / 2;
        var upper = WriteTree(program, ranges[middle..], isNarrow);
        var lower = WriteTree(program, ranges[..middle], isNarrow);
        return program.Branch(BpfCode.JumpIfGreaterOrEqual, ranges[middle].First, upper, lower);
    }

    private static int WriteBranches(BpfProgram program, IReadOnlyList<SeccompBranch> branches, bool isNarrow)
    {
        var next = program.Return(branches[^1].Action.Value);
        for (var i = branches.Count - 2; i >= 0; i--)
        {
            var fits = program.Return(branches[i].Action.Value);
            if (branches[i].Conditions is [{ Comparison: SeccompComparison.Equal } condition])
            {
                // Many values of one argument are compared after loading it once.
                var values = new List<uint> { (uint)condition.Value };
                for (; i > 0 && IsSameBut(branches[i - 1], branches[i], condition); i--)
                {
                    values.Add((uint)branches[i - 1].Conditions[0].Value);
                }

                next = WriteEqual(program, condition, values, fits, next, isNarrow);
                continue;
            }

            for (var c = branches[i].Conditions.Count - 1; c >= 0; c--)
            {
                fits = WriteCondition(program, branches[i].Conditions[c], fits, next, isNarrow);
            }

            next = fits;
        }

        return next;
    }

    private static bool IsSameBut(SeccompBranch other, SeccompBranch branch, SeccompCondition condition) =>
        other.Action == branch.Action
        && other.Conditions is [{ Comparison: SeccompComparison.Equal } o]
        && o.Argument == condition.Argument
        && o.Value >> 32 == condition.Value >> 32;

    private static int WriteEqual(BpfProgram program, SeccompCondition condition, List<uint> values, int fits, int otherwise, bool isNarrow)
    {
        var test = otherwise;
        foreach (var value in values)
        {
            test = program.Branch(BpfCode.JumpIfEqual, value, fits, test);
        }

        return WriteHighHalfEqual(program, condition, program.Load(LowHalf(condition), test), otherwise, isNarrow);
    }

    private static int WriteCondition(BpfProgram program, SeccompCondition condition, int fits, int otherwise, bool isNarrow)
    {
        var (high, low) = ((uint)(condition.Value >> 32), (uint)condition.Value);
        switch (condition.Comparison)
        {
            case SeccompComparison.Equal:
                return WriteEqual(program, condition, [low], fits, otherwise, isNarrow);
            case SeccompComparison.NotEqual:
                return WriteEqual(program, condition, [low], otherwise, fits, isNarrow);
            case SeccompComparison.Greater:
                return WriteOrder(program, condition, BpfCode.JumpIfGreater, fits, otherwise, isNarrow);
            case SeccompComparison.GreaterOrEqual:
                return WriteOrder(program, condition, BpfCode.JumpIfGreaterOrEqual, fits, otherwise, isNarrow);
            case SeccompComparison.Less:
                return WriteOrder(program, condition, BpfCode.JumpIfGreaterOrEqual, otherwise, fits, isNarrow);
            case SeccompComparison.LessOrEqual:
                return WriteOrder(program, condition, BpfCode.JumpIfGreater, otherwise, fits, isNarrow);
            case SeccompComparison.MaskedEqual:
                var (wantedHigh, wantedLow) = ((uint)(condition.SecondValue >> 32) & high, (uint)condition.SecondValue & low);
                var test = program.Branch(BpfCode.JumpIfEqual, wantedLow, fits, otherwise);
                var lowTest = program.Load(LowHalf(condition), program.And(low, test));
                if (isNarrow || high == 0)
                {
                    return lowTest;
                }

                var highTest = program.Branch(BpfCode.JumpIfEqual, wantedHigh, lowTest, otherwise);
                return program.Load(HighHalf(condition), program.And(high, highTest));
            default:
                throw new ArgumentOutOfRangeException(nameof(condition));
        }
    }

    private static int WriteOrder(BpfProgram program, SeccompCondition condition, BpfCode comparison, int fits, int otherwise, bool isNarrow)
    {
        var lowTest = program.Load(LowHalf(condition), program.Branch(comparison, (uint)condition.Value, fits, otherwise));
        if (isNarrow)
        {
            return lowTest;
        }

        var high = (uint)(condition.Value >> 32);
        var equal = program.Branch(BpfCode.JumpIfEqual, high, lowTest, otherwise);
        return program.Load(HighHalf(condition), program.Branch(BpfCode.JumpIfGreater, high, fits, equal));
    }

    private static int WriteHighHalfEqual(BpfProgram program, SeccompCondition condition, int lowTest, int otherwise, bool isNarrow) => isNarrow
        ? lowTest
        : program.Load(HighHalf(condition), program.Branch(BpfCode.JumpIfEqual, (uint)(condition.Value >> 32), lowTest, otherwise));

    private static uint LowHalf(SeccompCondition condition) => ArgumentsOffset + (8 * (uint)condition.Argument);

    private static uint HighHalf(SeccompCondition condition) => LowHalf(condition) + 4;
}
