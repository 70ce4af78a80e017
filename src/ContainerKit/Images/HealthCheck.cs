using System.Collections.Immutable;
using System.Text.Json.Nodes;
using ContainerKit.Images;

namespace ContainerKit;

/// <summary>How a container's health is told: a program that is run in it again and again, as docker's HEALTHCHECK has it.</summary>
/// <remarks>
/// It is run by the process that started the container, and by every one that is attached to it, for as long as they hold it: there is no daemon, and while nobody does, nobody checks.
/// </remarks>
public sealed record HealthCheck
{
    private const string Direct = "CMD", ByShell = "CMD-SHELL", Nothing = "NONE";
    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(1), Most = TimeSpan.FromDays(20);

    private readonly TimeSpan _interval = TimeSpan.FromSeconds(30), _timeout = TimeSpan.FromSeconds(30), _startInterval = TimeSpan.FromSeconds(5), _startPeriod;
    private readonly int _retries = 3;

    private HealthCheck(ImmutableArray<string> test) => Test = test;

    /// <summary>No check, also where the image has one.</summary>
    public static HealthCheck None { get; } = new([Nothing]);

    /// <summary>What is run, in docker's words: <c>CMD</c> and a program, <c>CMD-SHELL</c> and a line for <c>/bin/sh</c>, or <c>NONE</c>.</summary>
    public IReadOnlyList<string> Test { get; }

    /// <summary>The time between two checks, and before the first; 30 seconds unless set.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is less than a millisecond or more than 20 days.</exception>
    public TimeSpan Interval
    {
        get => _interval;
        init => _interval = Require(value);
    }

    /// <summary>How long one check may take before it is ended and counts as failed; 30 seconds unless set.</summary>
    /// <inheritdoc cref="Interval"/>
    public TimeSpan Timeout
    {
        get => _timeout;
        init => _timeout = Require(value);
    }

    /// <summary>How long after the start failures do not count; none unless set.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative, or more than 20 days.</exception>
    public TimeSpan StartPeriod
    {
        get => _startPeriod;
        init => _startPeriod = value == TimeSpan.Zero ? value : Require(value);
    }

    /// <summary>The time between two checks in <see cref="StartPeriod"/>, and while somebody waits with <see cref="Ready.WhenHealthy"/>; 5 seconds unless set.</summary>
    /// <inheritdoc cref="Interval"/>
    public TimeSpan StartInterval
    {
        get => _startInterval;
        init => _startInterval = Require(value);
    }

    /// <summary>After how many failures in a row it is <see cref="HealthStatus.Unhealthy"/>; 3 unless set.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not positive.</exception>
    public int Retries
    {
        get => _retries;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value);
            _retries = value;
        }
    }

    /// <summary>The program and its arguments; none for <see cref="None"/>.</summary>
    internal IReadOnlyList<string> Program => Test switch
    {
        [Direct, ..] => [.. Test.Skip(1)],
        [ByShell, var line] => ["/bin/sh", "-c", line],
        _ => [],
    };

    /// <summary>A program that exits with code 0 when the container is healthy.</summary>
    /// <param name="command">The program and its arguments.</param>
    public static HealthCheck Command(params string[] command)
    {
        ArgumentNullException.ThrowIfNull(command);
        ArgumentOutOfRangeException.ThrowIfZero(command.Length);
        return new([Direct, .. command]);
    }

    /// <summary>A line for the container's <c>/bin/sh</c>, which exits with code 0 when it is healthy.</summary>
    public static HealthCheck Shell(string line)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(line);
        return new([ByShell, line]);
    }

    /// <summary>Reads what an image's config says: docker's image specification 1.2, "Healthcheck", with times in nanoseconds. Null where it says nothing that could be done.</summary>
    internal static HealthCheck? TryParse(JsonObject? document)
    {
        var test = TestOf(document);
        if (document is null || test is not ([Direct, _, ..] or [ByShell, _] or [Nothing]))
        {
            return null;
        }

        var check = new HealthCheck([.. test]);
        return check with
        {
            Interval = Time(document, nameof(Interval)) ?? check.Interval,
            Timeout = Time(document, nameof(Timeout)) ?? check.Timeout,
            StartPeriod = Time(document, nameof(StartPeriod)) ?? check.StartPeriod,
            StartInterval = Time(document, nameof(StartInterval)) ?? check.StartInterval,
            Retries = document[nameof(Retries)] is JsonValue value && value.TryGetValue(out int retries) && retries > 0 ? retries : check.Retries,
        };
    }

    /// <summary>The same as an image's config has it.</summary>
    internal JsonObject ToJson() => new()
    {
        [nameof(Test)] = JsonDocuments.ArrayOf(Test),
        [nameof(Interval)] = Interval.Ticks * TimeSpan.NanosecondsPerTick,
        [nameof(Timeout)] = Timeout.Ticks * TimeSpan.NanosecondsPerTick,
        [nameof(StartPeriod)] = StartPeriod.Ticks * TimeSpan.NanosecondsPerTick,
        [nameof(StartInterval)] = StartInterval.Ticks * TimeSpan.NanosecondsPerTick,
        [nameof(Retries)] = Retries,
    };

    private static string[] TestOf(JsonObject? document)
    {
        var words = (document?[nameof(Test)] as JsonArray ?? []).Select(word => word is JsonValue value && value.TryGetValue(out string? text) ? text : null).ToArray();
        return words.Contains(null) ? [] : [.. words.OfType<string>()];
    }

    // An image is not to be unusable because of a time that makes no sense, and 0 is "unless set".
    private static TimeSpan? Time(JsonObject document, string name) =>
        document[name] is JsonValue value && value.TryGetValue(out long nanoseconds) && TimeSpan.FromTicks(nanoseconds / TimeSpan.NanosecondsPerTick) is var time && time >= Least && time <= Most ? time : null;

    private static TimeSpan Require(TimeSpan value) => value >= Least && value <= Most
        ? value
        : throw new ArgumentOutOfRangeException(nameof(value), $"A time of {value} makes no health check: it is a millisecond at least, and 20 days at most.");
}
