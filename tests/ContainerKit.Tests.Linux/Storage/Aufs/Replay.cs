namespace ContainerKit.Tests.Linux.Storage.Aufs;

/// <summary>A scenario, once more, with our union in the place of AUFS.</summary>
internal static class Replay
{
    /// <summary>What sysfs and the kernel's log say, and the numbers of inodes, belong to AUFS's own machinery.</summary>
    private static readonly HashSet<string> NotOurs = ["sysbr", "dmesg", "rawino"];

    /// <summary>Plays it in an empty place.</summary>
    /// <param name="scenario">What to play.</param>
    /// <param name="program">What mounts.</param>
    /// <param name="branches">A directory of the host, on ext4.</param>
    /// <param name="isCompared">Whether a step's result is compared; its number counts from 1.</param>
    /// <returns>All that was otherwise than recorded.</returns>
    public static IReadOnlyList<string> Play(Scenario scenario, UnionProgram program, string branches, Func<int, bool> isCompared)
    {
        var differences = new List<string>();
        string[] programs = [program.Directory, AppContext.BaseDirectory.TrimEnd('/')];
        GuestWorld.Run(branches, programs.Where(each => each.StartsWith("/tmp/", StringComparison.Ordinal)), () =>
        {
            var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
            Busybox.Install();
            BranchBuilder.Build(scenario.Branches);
            using var session = new GuestSession(program, now);
            Compare(differences, "mount", scenario.MountResult, session.Mount(scenario.MountOptions));
            PlaySteps(scenario, session, isCompared, differences);
            CompareTrees(scenario, session, new TreeReader(now), differences);
        });
        return differences;
    }

    private static void PlaySteps(Scenario scenario, GuestSession session, Func<int, bool> isCompared, List<string> differences)
    {
        for (var number = 1; number <= scenario.Steps.Count; number++)
        {
            var step = scenario.Steps[number - 1];
            if (step.Result.StartsWith("skipped", StringComparison.Ordinal) || step.Verb is "sysbr" or "dmesg")
            {
                continue;
            }

            var (result, value) = Attempt(session, step);
            if (NotOurs.Contains(step.Verb) || !isCompared(number))
            {
                continue;
            }

            Compare(differences, $"step {number} {step}", step.Result, result);
            if (step.Result == "ok" && result == "ok")
            {
                Compare(differences, $"step {number} {step}", step.Verb == "dumpbr" ? "" : Observation.OfRecord(step.Verb, step.Value), value);
            }
        }
    }

    private static (string Result, string Value) Attempt(GuestSession session, ScenarioStep step)
    {
        try
        {
            return ("ok", session.Do(step.Operation, step.Value));
        }
        catch (GuestException e)
        {
            return (e.Message, "");
        }
    }

    private static void CompareTrees(Scenario scenario, GuestSession session, TreeReader reader, List<string> differences)
    {
        void CompareMerged() => differences.AddRange(scenario.Merged?.DifferencesOf(reader.Read(GuestSession.MountPoint), "merged") ?? []);

        void CompareBranches(string when, IReadOnlyDictionary<string, RecordedTree> trees) =>
            differences.AddRange(trees.SelectMany(each => each.Value.DifferencesOf(reader.Read(each.Key), each.Key + when)));

        if (!scenario.IsBranchDumpFirst)
        {
            CompareMerged();
        }

        CompareBranches("", scenario.BranchTrees);
        if (scenario.IsBranchDumpFirst)
        {
            CompareMerged();
        }

        session.Close();
        Compare(differences, "umount", scenario.UmountResult, GuestSession.Unmount());
        CompareBranches(" after umount", scenario.BranchTreesAfterUmount ?? scenario.BranchTrees);
    }

    private static void Compare(List<string> differences, string what, string recorded, string ours)
    {
        if (recorded != ours)
        {
            differences.Add($"{what}: {ours}, and was: {recorded}");
        }
    }
}
