using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Storage.Aufs;

/// <summary>
/// What was recorded of the real AUFS, played again on our union through its mount: every result, the merged tree, and what lies in
/// every branch. <c>Vectors/README.md</c> explains the recordings; <c>Deviations.json</c> says where we are knowingly otherwise.
/// </summary>
[Category("Slow")]
internal sealed class AufsVectorTests
{
    private const double SmallestShare = 0.95;

    private readonly SortedDictionary<string, IReadOnlyList<string>> _played = new(StringComparer.Ordinal);

    private static IEnumerable<string> Applicable => Scenario.Names.Where(name => !DeviationTable.Default.NotApplicable.ContainsKey(name));

    [TestCaseSource(nameof(Applicable)), Order(1)]
    public void Our_union_plays_a_scenario_as_AUFS_did_or_as_the_table_says(string name)
    {
        Needs.Root();
        Needs.FuseDevice();
        Needs.Program("busybox");
        using var disk = new BranchDisk(isAlone: name.StartsWith("ino_", StringComparison.Ordinal));

        var all = Replay.Play(Scenario.Load(name), new UnionProgram(), disk.Path, step => DeviationTable.Default.IsCompared(name, step));
        List<string> differences = [.. all.Where(difference => DeviationTable.Default.Counts(name, difference))];

        _played[name] = differences;
        Assert.That(differences, Is.EquivalentTo(DeviationTable.Default.DifferencesOf(name)), string.Join('\n', differences));
    }

    [Test, Order(2)]
    public void Of_the_applicable_scenarios_95_percent_agree_in_full()
    {
        var applicable = Applicable.Count();
        Needs.That(_played.Count == applicable, $"only {_played.Count} of {applicable} applicable scenarios were played");

        var report = new ReplayReport(_played, Scenario.Names.Count());

        TestContext.Out.WriteLine(report);
        report.Save();
        Assert.That((double)report.Agreeing / applicable, Is.GreaterThanOrEqualTo(SmallestShare), $"{report.Agreeing} of {applicable}");
    }

    [Test]
    public void The_table_names_scenarios_that_there_are() => Assert.That(DeviationTable.Default.Scenarios, Is.SubsetOf(Scenario.Names));
}
