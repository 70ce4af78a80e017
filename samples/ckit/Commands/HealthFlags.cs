using System.CommandLine;
using System.Globalization;
using Ckit.CommandLine;

namespace Ckit.Commands;

/// <summary>The options of a health check, as docker spells them.</summary>
internal sealed class HealthFlags
{
    private readonly Option<string?> _command = new("--health-cmd") { Description = "A line for the container's shell, which exits with 0 when it is healthy.", HelpName = "COMMAND" };
    private readonly Option<string?> _interval = new("--health-interval") { Description = "The time between two checks; 30s unless given.", HelpName = "TIME" };
    private readonly Option<string?> _timeout = new("--health-timeout") { Description = "How long a check may take; 30s unless given.", HelpName = "TIME" };
    private readonly Option<string?> _startPeriod = new("--health-start-period") { Description = "How long after the start failures do not count.", HelpName = "TIME" };
    private readonly Option<int?> _retries = new("--health-retries") { Description = "How many failures in a row are unhealthy; 3 unless given.", HelpName = "NUMBER" };
    private readonly Option<bool> _none = new("--no-healthcheck") { Description = "Leaves out the image's health check." };

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_command, _interval, _timeout, _startPeriod, _retries, _none])
        {
            command.Add(option);
        }
    }

    public ContainerBuilder Apply(ContainerBuilder container, ParseResult line, HealthCheck? image)
    {
        if (line.GetValue(_none))
        {
            return container.WithHealthCheck(HealthCheck.None);
        }

        var isChanged = line.GetValue(_interval) is not null || line.GetValue(_timeout) is not null || line.GetValue(_startPeriod) is not null || line.GetValue(_retries) is not null;
        if ((line.GetValue(_command) is { } command ? HealthCheck.Shell(command) : isChanged ? image : null) is not { } check)
        {
            return isChanged ? throw new UsageException("There is no health check to change: give --health-cmd.") : container;
        }

        try
        {
            return container.WithHealthCheck(check with
            {
                Interval = Time(line.GetValue(_interval)) ?? check.Interval,
                Timeout = Time(line.GetValue(_timeout)) ?? check.Timeout,
                StartPeriod = Time(line.GetValue(_startPeriod)) ?? check.StartPeriod,
                Retries = line.GetValue(_retries) ?? check.Retries,
            });
        }
        catch (ArgumentOutOfRangeException e)
        {
            throw new UsageException($"A health check cannot be so: {e.Message}", e);
        }
    }

    private static TimeSpan? Time(string? text)
    {
        if (text is null)
        {
            return null;
        }

        var (digits, unit) = text.EndsWith("ms", StringComparison.Ordinal) ? (text[..^2], 1)
            : text.Length == 0 ? (text, 0)
            : (text[..^1], text[^1] switch { 's' => 1000, 'm' => 60_000, 'h' => 3_600_000, _ => 0 });
        return unit > 0 && double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count)
            ? TimeSpan.FromMilliseconds(count * unit)
            : throw new UsageException($"'{text}' is no time such as 500ms, 30s or 2m.");
    }
}
