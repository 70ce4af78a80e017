using System.CommandLine;
using System.Text.Json.Nodes;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Checks that everything in the store is what it should be.</summary>
internal sealed class CheckCommand : HostCommand
{
    private readonly Option<bool> _json = Json.Option();

    public CheckCommand()
        : base("check", "Verify every blob of every image by its digest, and what is written down about snapshots and containers.") => Add(_json);

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var check = await host.CheckAsync(cancellationToken);
        if (line.GetValue(_json))
        {
            StandardOutput.PrintJson(new JsonObject
            {
                ["Images"] = check.Images,
                ["Blobs"] = check.Blobs,
                ["Bytes"] = check.Bytes,
                ["Snapshots"] = check.Snapshots,
                ["Containers"] = check.Containers,
                ["Problems"] = Json.Strings(check.Problems),
            });
        }
        else
        {
            using var output = new StandardOutput();
            output.WriteLine($"Checked {check.Images} images ({check.Blobs} blobs, {Sizes.Format(check.Bytes)}), {check.Snapshots} snapshots and {check.Containers} containers.");
            foreach (var problem in check.Problems)
            {
                output.WriteLine(problem);
            }
        }

        return check.IsSound ? 0 : throw new UsageException($"Not everything in the store '{host.StoreDirectory}' is what it should be ({check.Problems.Count} found).");
    }
}
