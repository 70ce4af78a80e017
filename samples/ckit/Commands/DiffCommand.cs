using System.CommandLine;
using System.Text.Json.Nodes;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Lists in what a container differs from its image.</summary>
internal sealed class DiffCommand : HostCommand
{
    private readonly Option<bool> _json = Json.Option();
    private readonly Argument<string> _container = new("CONTAINER") { Description = "A name, an id, or the beginning of an id." };

    public DiffCommand()
        : base("diff", "List the files that a container has added (A), changed (C) and deleted (D).")
    {
        Add(_json);
        Add(_container);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        await using var container = await Lookup.ContainerAsync(host, line.GetRequiredValue(_container), cancellationToken);
        var changes = new List<FileChange>();
        await foreach (var change in container.DiffAsync(cancellationToken))
        {
            changes.Add(change);
        }

        if (line.GetValue(_json))
        {
            StandardOutput.PrintJson(Json.Array(changes.Select(ToJson)));
            return 0;
        }

        using var output = new StandardOutput();
        foreach (var change in changes)
        {
            output.WriteLine($"{Letter(change.Kind)} {change.Path}");
        }

        return 0;
    }

    private static JsonObject ToJson(FileChange change) => new()
    {
        ["Kind"] = Letter(change.Kind).ToString(),
        ["Path"] = Text.ForJson(change.Path),
        ["Before"] = change.Before is { } before ? FileDetails.ToJson(before) : null,
        ["After"] = change.After is { } after ? FileDetails.ToJson(after) : null,
    };

    private static char Letter(FileChangeKind kind) => kind switch
    {
        FileChangeKind.Added => 'A',
        FileChangeKind.Deleted => 'D',
        _ => 'C',
    };
}
