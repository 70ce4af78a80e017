using System.CommandLine;
using System.Text.Json.Nodes;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Lists containers.</summary>
internal sealed class PsCommand : HostCommand
{
    private readonly Option<bool> _all = new("--all", "-a") { Description = "Lists those that do not run, too." };
    private readonly Option<bool> _quiet = new("--quiet", "-q") { Description = "Prints ids only." };
    private readonly Option<bool> _full = new("--no-trunc") { Description = "Prints ids and commands in full." };
    private readonly Option<bool> _json = Json.Option();

    public PsCommand()
        : base("ps", "List containers: those that run, or all.")
    {
        Add(_all);
        Add(_quiet);
        Add(_full);
        Add(_json);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var containers = new List<(Container Container, ContainerState State)>();
        await foreach (var container in host.ListContainersAsync(cancellationToken))
        {
            var state = await container.GetStateAsync(cancellationToken);
            if (state.Status is ContainerStatus.Running or ContainerStatus.Restarting or ContainerStatus.Paused || line.GetValue(_all))
            {
                containers.Add((container, state));
            }
        }

        containers.Reverse();
        if (line.GetValue(_json))
        {
            StandardOutput.PrintJson(Json.Array(containers.Select(each => ToJson(each.Container, each.State))));
        }
        else if (line.GetValue(_quiet))
        {
            using var output = new StandardOutput();
            containers.ForEach(each => output.WriteLine(Shorten(each.Container.Id, line.GetValue(_full), 12)));
        }
        else
        {
            Print(containers, line.GetValue(_full));
        }

        return 0;
    }

    private static void Print(List<(Container Container, ContainerState State)> containers, bool isFull)
    {
        var table = new Table("CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "NAMES");
        foreach (var (container, state) in containers)
        {
            table.Add(
                Shorten(container.Id, isFull, 12),
                container.ImageReference,
                $"\"{Shorten(string.Join(' ', container.Command), isFull, 20)}\"",
                Ages.Format(container.Created),
                Describe(state),
                container.Name ?? "");
        }

        table.Print();
    }

    // As docker says it.
    private static string Describe(ContainerState state) => state switch
    {
        { Status: ContainerStatus.Created } => "Created",
        { Status: ContainerStatus.Running, Started: { } started } => $"{Up(started)}{Describe(state.Health)}",
        { Status: ContainerStatus.Running } => "Up",
        { Status: ContainerStatus.Paused, Started: { } started } => $"{Up(started)} (Paused)",
        { Status: ContainerStatus.Paused } => "Up (Paused)",
        { Status: ContainerStatus.Restarting, Exit: { } exit, Finished: { } finished } => $"Restarting ({exit.ShellCode}) {Ages.Format(finished)}",
        { Exit: { } exit, Finished: { } finished } => $"Exited ({exit.ShellCode}) {Ages.Format(finished)}",
        _ => $"Exited ({state.Exit?.ShellCode})",
    };

    private static string Up(DateTimeOffset started) => $"Up {Ages.Format(started).Replace(" ago", "", StringComparison.Ordinal)}";

    private static string Describe(ContainerHealth? health) => health?.Status switch
    {
        null => "",
        HealthStatus.Starting => " (health: starting)",
        HealthStatus.Healthy => " (healthy)",
        _ => " (unhealthy)",
    };

    private static JsonObject ToJson(Container container, ContainerState state) => new()
    {
        ["ID"] = container.Id,
        ["Names"] = container.Name,
        ["Image"] = container.ImageReference,
        ["ImageID"] = container.ImageDigest.ToString(),
        ["Command"] = Json.Strings(container.Command),
        ["CreatedAt"] = Json.Time(container.Created),
        ["Running"] = state.Status is ContainerStatus.Running or ContainerStatus.Paused,
        ["State"] = ContainerInspection.NameOf(state.Status),
        ["Status"] = Describe(state),
        ["ExitCode"] = state.Exit?.ShellCode,
    };

    private static string Shorten(string text, bool isFull, int length) => isFull || text.Length <= length ? text : text[..length];
}
