using System.CommandLine;
using System.Globalization;
using System.Text;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Prints what a detached container has written.</summary>
internal sealed class LogsCommand : HostCommand
{
    private readonly Option<bool> _follow = new("--follow", "-f") { Description = "Goes on until the container ends." };
    private readonly Option<string?> _tail = new("--tail", "-n") { Description = "How many of the last lines, or all.", HelpName = "NUMBER" };
    private readonly Option<bool> _times = new("--timestamps", "-t") { Description = "Puts the time before each line." };
    private readonly Option<string?> _since = new("--since") { Description = "Leaves out what is older: a time, or an age such as 90s, 10m or 2h.", HelpName = "TIME" };
    private readonly Option<string?> _until = new("--until") { Description = "Leaves out what is newer: a time, or an age.", HelpName = "TIME" };
    private readonly Argument<string> _container = new("CONTAINER") { Description = "A name, an id, or the beginning of one." };

    public LogsCommand()
        : base("logs", "Print what a container has written while it ran by itself: its output to standard output, its errors to standard error.")
    {
        Option[] options = [_follow, _tail, _times, _since, _until];
        foreach (var option in options)
        {
            Add(option);
        }

        Add(_container);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        await using var container = await Lookup.ContainerAsync(host, line.GetRequiredValue(_container), cancellationToken);
        var options = new LogOptions
        {
            Follow = line.GetValue(_follow),
            Tail = Count(line.GetValue(_tail)),
            Since = Moments.Parse(line.GetValue(_since)),
            Until = Moments.Parse(line.GetValue(_until)),
        };
        await foreach (var entry in container.ReadLogAsync(options, cancellationToken))
        {
            var text = line.GetValue(_times) ? $"{entry.Time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffffffZ", CultureInfo.InvariantCulture)} {entry.Content}\n" : entry.Content + "\n";
            if (!Descriptors.Write(entry.IsError ? Descriptors.Error : Descriptors.Output, Encoding.UTF8.GetBytes(text)))
            {
                break;
            }
        }

        return 0;
    }

    private int? Count(string? text) => text switch
    {
        null or "all" => null,
        _ when int.TryParse(text, CultureInfo.InvariantCulture, out var count) && count >= 0 => count,
        _ => throw new UsageException($"'{text}' is not a number of lines.", this),
    };
}
