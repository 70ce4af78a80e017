using System.Text.RegularExpressions;

namespace ContainerKit.Tests;

/// <summary>The list of threats names tests that exist, and no threat without one.</summary>
public sealed partial class SecurityPageTests
{
    private const string Page = "src/ContainerKit/SECURITY.md";

    [Test]
    public void Every_test_that_the_list_names_exists()
    {
        var sources = SourceTree.CSharpFiles("tests").GroupBy(Path.GetFileNameWithoutExtension).ToDictionary(group => group.Key!, group => string.Concat(group.Select(SourceTree.Read)));
        var named = Test().Matches(SourceTree.Read(Page)).Select(match => (Fixture: match.Groups[1].Value, Name: match.Groups[2].Value)).ToList();

        var missing = named.Where(test => !sources.TryGetValue(test.Fixture, out var text) || !text.Contains($" {test.Name}(", StringComparison.Ordinal));

        Assert.That(named, Has.Count.GreaterThan(20));
        Assert.That(missing, Is.Empty);
    }

    [Test]
    public void Every_threat_has_a_test()
    {
        var threats = SourceTree.Read(Page).Split('\n').Where(line => line.StartsWith("| ", StringComparison.Ordinal)).Skip(1).ToList();

        Assert.That(threats, Has.Count.GreaterThanOrEqualTo(9));
        Assert.That(threats.Select(line => line.Split('|')[3]), Has.All.Matches<string>(tests => Test().IsMatch(tests)));
    }

    [GeneratedRegex(@"`([A-Z]\w*Tests)\.(\w+)`")]
    private static partial Regex Test();
}
