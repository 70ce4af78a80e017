using System.CommandLine;
using System.Text.Json.Nodes;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Prints what happens to containers.</summary>
internal sealed class EventsCommand : HostCommand
{
    private readonly Option<bool> _json = new("--json") { Description = "Prints one line of JSON for each." };

    public EventsCommand()
        : base("events", "Print what happens to named containers from now on, until interrupted.") => Add(_json);

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        await foreach (var happened in host.WatchContainersAsync(cancellationToken))
        {
            StandardOutput.PrintLine(line.GetValue(_json) ? ToJson(happened).ToJsonString() : Describe(happened));
        }

        return 0;
    }

    private static string Describe(ContainerEvent happened) =>
        $"{Json.Time(happened.Time)} {happened.Kind.ToString().ToLowerInvariant()} {happened.ContainerId[..12]} {happened.Name} ({happened.Image}{(happened.Exit is { } exit ? $", {exit}" : "")}{(happened.Health is { } health ? $", {health.ToString().ToLowerInvariant()}" : "")})";

    private static JsonObject ToJson(ContainerEvent happened) => new()
    {
        ["Time"] = Json.Time(happened.Time),
        ["Kind"] = happened.Kind.ToString(),
        ["Id"] = happened.ContainerId,
        ["Name"] = happened.Name,
        ["Image"] = happened.Image,
        ["ExitCode"] = happened.Exit?.ExitCode,
        ["Signal"] = happened.Exit?.Signal,
        ["Health"] = happened.Health?.ToString(),
        ["OutOfMemory"] = happened.Exit?.OutOfMemory,
    };
}
