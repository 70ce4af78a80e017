using System.Text.RegularExpressions;

namespace ContainerKit.Tests;

/// <summary>Who filters logs by number relies on it: the table in the architecture page is the approved list.</summary>
public sealed partial class EventIdTests
{
    [Test]
    public void Log_events_have_the_numbers_that_are_written_down() => Assert.That(
        Events().Select(e => $"| {e.Id} | {e.Level} | {e.Name} |"),
        Is.EqualTo(Row().Matches(SourceTree.Read("src/ContainerKit/README.md")).Select(row => row.Value)),
        "A number that is there keeps its meaning. A new event gets a new one, and a row in the table, in the order of the numbers.");

    [Test]
    public void No_number_means_two_events() => Assert.That(Events().Select(e => e.Id), Is.Unique.And.Not.Empty);

    [Test]
    public void Every_log_message_has_a_number()
    {
        var all = SourceTree.CSharpFiles("src").Sum(file => SourceTree.Read(file).Split("[LoggerMessage(").Length - 1);

        Assert.That(Events().Count(), Is.EqualTo(all));
    }

    private static IEnumerable<(int Id, string Level, string Name)> Events() =>
        from file in SourceTree.CSharpFiles("src")
        from Match found in Declaration().Matches(SourceTree.Read(file))
        let id = int.Parse(found.Groups["id"].ValueSpan)
        orderby id
        select (id, found.Groups["level"].Value, found.Groups["name"].Value);

    [GeneratedRegex(@"\[LoggerMessage\((?<id>\d+), LogLevel\.(?<level>\w+), ""[^""]*""\)\]\s+public static partial void (?<name>\w+)\(")]
    private static partial Regex Declaration();

    [GeneratedRegex(@"^\| \d{3} \| \w+ \| \w+ \|$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
