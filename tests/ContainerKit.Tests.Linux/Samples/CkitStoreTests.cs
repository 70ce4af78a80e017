using System.Text.Json.Nodes;

namespace ContainerKit.Tests.Linux.Samples;

/// <summary>ckit's housekeeping: what the store takes, and what it does about damage.</summary>
[Category("Slow")]
internal sealed class CkitStoreTests : CkitFixture
{
    [Test]
    public void What_the_store_takes_is_told_to_people_and_to_programs_in_short_and_in_long()
    {
        Output("create", "--name", "measured", "box:1", "sh");
        var table = Output("df").Split('\n');
        var usage = JsonNode.Parse(Output("system", "df", "--json"))!;

        Assert.That(table[0], Does.Match("^TYPE +TOTAL +SIZE +RECLAIMABLE$"));
        Assert.That(table[1..].Select(row => row.Split("  ")[0]), Is.EqualTo(new[] { "Images", "Unpacked layers", "Containers", "Volumes", "Partial downloads", "Other", "All" }));
        Assert.That(Output("df", "-v"), Does.Contain("box:1").And.Contain("measured"));
        Assert.That(usage["TotalBytes"]!.GetValue<long>(), Is.GreaterThan(usage["BlobBytes"]!.GetValue<long>()).And.GreaterThan(1_000_000));
        Output("rm", "measured");
    }

    [Test]
    public void Damage_is_named_and_repaired_and_not_from_under_a_container()
    {
        Output("create", "--name", "standing", "box:1", "sh");
        File.AppendAllText(Directory.GetFiles(HostDirectory + "/store/snapshots", "motd", SearchOption.AllDirectories).Order(StringComparer.Ordinal).First(), "garbled");

        File.AppendAllText(Directory.GetFiles(HostDirectory + "/store/snapshots", "text", SearchOption.AllDirectories).Order(StringComparer.Ordinal).First(), "garbled");

        var check = Ckit("check");
        var refused = Ckit("check", "--repair");
        Output("rm", "standing");
        var repaired = JsonNode.Parse(Output("check", "--repair", "--json"))!;

        Assert.That((check.ExitCode, check.Output.Contains("'/etc/motd' has ", StringComparison.Ordinal) && check.Output.Contains("'/etc/text' has ", StringComparison.Ordinal), check.Error.Contains("--repair", StringComparison.Ordinal)), Is.EqualTo((125, true, true)));
        Assert.That((refused.ExitCode, refused.Output.Contains("the container 'standing' stands on it", StringComparison.Ordinal)), Is.EqualTo((125, true)));
        Assert.That(repaired["Repaired"]!.AsArray(), Has.Count.EqualTo(1));
        Assert.That(repaired["Remaining"]!.AsArray(), Is.Empty);
        Assert.That(RunInBox([], "cat", "/etc/motd"), Is.EqualTo("hello from below"));
        Output("check");
    }
}
