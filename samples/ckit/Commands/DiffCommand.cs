using System.CommandLine;
using System.Text.Json.Nodes;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Lists in what a container differs from its image, or one image or container from another.</summary>
internal sealed class DiffCommand : HostCommand
{
    private readonly Option<bool> _json = Json.Option();
    private readonly Option<bool> _null = new("--null", "-0") { Description = "Ends each path with a NUL, and prints it as it is." };
    private readonly Argument<string> _first = new("CONTAINER") { Description = "A container's name or id; an image's name or digest, too, where there is an OTHER." };
    private readonly Argument<string?> _second = new("OTHER") { Description = "The container or image that the first became.", Arity = ArgumentArity.ZeroOrOne };

    public DiffCommand()
        : base("diff", "List the files that a container has added (A), changed (C) and deleted (D), or in which two images or containers differ.")
    {
        Add(_json);
        Add(_null);
        Add(_first);
        Add(_second);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var first = line.GetRequiredValue(_first);
        var changes = new List<FileChange>();
        if (line.GetValue(_second) is { } second)
        {
            await using var before = await Lookup.TreeAsync(host, first, cancellationToken);
            await using var after = await Lookup.TreeAsync(host, second, cancellationToken);
            await foreach (var change in host.DiffAsync(before.Tree, after.Tree, cancellationToken))
            {
                changes.Add(change);
            }
        }
        else
        {
            await using var container = await Lookup.ContainerAsync(host, first, cancellationToken);
            await foreach (var change in container.DiffAsync(cancellationToken))
            {
                changes.Add(change);
            }
        }

        if (line.GetValue(_json))
        {
            StandardOutput.PrintJson(Json.Array(changes.Select(ToJson)));
            return 0;
        }

        using var output = new StandardOutput();
        foreach (var change in changes)
        {
            output.WriteName($"{Letter(change.Kind)} {(line.GetValue(_null) ? change.Path : Text.Quote(change.Path))}", line.GetValue(_null));
        }

        return 0;
    }

    private static JsonObject ToJson(FileChange change)
    {
        var json = new JsonObject
        {
            ["Kind"] = Letter(change.Kind).ToString(),
            ["Before"] = change.Before is { } before ? FileDetails.ToJson(before) : null,
            ["After"] = change.After is { } after ? FileDetails.ToJson(after) : null,
        };
        Text.AddTo(json, 1, "Path", change.Path);
        return json;
    }

    private static char Letter(FileChangeKind kind) => kind switch
    {
        FileChangeKind.Added => 'A',
        FileChangeKind.Deleted => 'D',
        _ => 'C',
    };
}
