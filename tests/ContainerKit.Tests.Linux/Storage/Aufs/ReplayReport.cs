using System.Text;

namespace ContainerKit.Tests.Linux.Storage.Aufs;

/// <summary>How many scenarios agree in full, of how many, and every difference of the others with the table's reason.</summary>
internal sealed class ReplayReport
{
    private readonly StringBuilder _text = new();

    /// <param name="played">What was otherwise, by scenario.</param>
    /// <param name="all">How many scenarios there are, those included that say nothing about our union.</param>
    public ReplayReport(IReadOnlyDictionary<string, IReadOnlyList<string>> played, int all)
    {
        Agreeing = played.Values.Count(each => each.Count == 0);
        _text.AppendLine($"{Agreeing} of {played.Count} applicable scenarios agree in full, of {all} that there are.");
        foreach (var (name, differences) in played.Where(each => each.Value.Count > 0))
        {
            var reason = DeviationTable.Default.Deviations.FirstOrDefault(each => each.Scenario == name)?.Why;
            _text.AppendLine($"{name}: {reason ?? "NOT IN THE TABLE"}");
            _text.AppendJoin('\n', differences.Select(each => "    " + each.ReplaceLineEndings("\n        "))).AppendLine();
        }

        foreach (var (name, reason) in DeviationTable.Default.NotApplicable)
        {
            _text.AppendLine($"{name} is not applicable: {reason}");
        }
    }

    public int Agreeing { get; }

    /// <summary>Writes it beside the other files that tests leave for their reader.</summary>
    public void Save()
    {
        Directory.CreateDirectory(SourceTree.PathOf("artifacts"));
        File.WriteAllText(SourceTree.PathOf("artifacts/aufs-scenarios.txt"), ToString());
    }

    public override string ToString() => _text.ToString();
}
