using System.CommandLine;
using System.Text.Json.Nodes;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Checks that everything in the store is what it should be, and repairs what is not.</summary>
internal sealed class CheckCommand : HostCommand
{
    private readonly Option<bool> _repair = new("--repair") { Description = "Fetches damaged blobs again, unpacks damaged snapshots again, and restores a lost list of images." };
    private readonly Option<string[]> _from = new("--from") { Description = "A repository that is asked for damaged blobs, too: for those that nobody remembers the source of.", HelpName = "REPOSITORY" };
    private readonly Option<string[]> _insecure = new("--insecure") { Description = "Speaks plain HTTP to the registries that it repairs from; to this one only, where one is named.", HelpName = "REGISTRY", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<string?> _authFile = new("--authfile") { Description = "Where docker login or podman login wrote who you are.", HelpName = "FILE" };
    private readonly Option<bool> _json = Json.Option();

    public CheckCommand()
        : base("check", "Verify every blob of every image by its digest, every unpacked file by its layer, and what is written down about them.")
    {
        Add(_repair);
        Add(_from);
        Add(_insecure);
        Add(_authFile);
        Add(_json);
    }

    protected override RegistryOptions RegistryOptions(ParseResult line) => new()
    {
        PlainHttp = line.GetResult(_insecure) is null ? [] : line.GetValue(_insecure) is { Length: > 0 } named ? named : ["*"],
        AuthFiles = line.GetValue(_authFile) is { } file ? [file] : null,
    };

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        if (line.GetValue(_repair))
        {
            return await RepairAsync(host, line, cancellationToken);
        }

        var check = await host.CheckAsync(cancellationToken);
        if (line.GetValue(_json))
        {
            StandardOutput.PrintJson(ToJson(check));
        }
        else
        {
            using var output = new StandardOutput();
            Print(check, output);
            foreach (var problem in check.Problems)
            {
                output.WriteLine(problem);
            }
        }

        return check.IsSound ? 0 : throw Unsound(host, check.Problems.Count, "Repair it with 'ckit check --repair'.");
    }

    private async Task<int> RepairAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        StoreRepair repair;
        using (var progress = new ProgressBar())
        {
            repair = await host.RepairAsync(new RepairOptions { Repositories = line.GetValue(_from) ?? [] }, progress, cancellationToken);
        }

        if (line.GetValue(_json))
        {
            var json = ToJson(repair.Found);
            json["Repaired"] = Json.Strings(repair.Repaired);
            json["Remaining"] = Json.Array(repair.Remaining.Select(damage => new JsonObject { ["Problem"] = Text.ForJson(damage.Problem), ["Hint"] = damage.Hint }));
            StandardOutput.PrintJson(json);
        }
        else
        {
            using var output = new StandardOutput();
            Print(repair.Found, output);
            foreach (var sentence in repair.Repaired)
            {
                output.WriteLine(sentence);
            }

            foreach (var damage in repair.Remaining)
            {
                output.WriteLine(damage.Hint is { } hint ? $"{damage.Problem} {hint}" : damage.Problem);
            }
        }

        return repair.IsSound ? 0 : throw Unsound(host, repair.Remaining.Count, null);
    }

    private static UsageException Unsound(ContainerHost host, int problems, string? hint) =>
        new($"Not everything in the store '{host.StoreDirectory}' is what it should be ({problems} found).") { Hint = hint };

    private static void Print(StoreCheck check, StandardOutput output) => output.WriteLine(
        $"Checked {check.Images} images ({check.Blobs} blobs, {Sizes.Format(check.Bytes)}), {check.Snapshots} snapshots, {check.Containers} containers and {check.Volumes} volumes.");

    private static JsonObject ToJson(StoreCheck check) => new()
    {
        ["Images"] = check.Images,
        ["Blobs"] = check.Blobs,
        ["Bytes"] = check.Bytes,
        ["Snapshots"] = check.Snapshots,
        ["Containers"] = check.Containers,
        ["Volumes"] = check.Volumes,
        ["Problems"] = Json.Strings(check.Problems),
    };
}
