using System.Text.Json;

namespace ContainerKit.Tests.Linux.Storage.Aufs;

/// <summary>
/// Where our union is knowingly otherwise than AUFS, and which scenarios say nothing about a union that is no kernel module; each
/// with a sentence why. It is <c>Deviations.json</c>.
/// </summary>
internal sealed class DeviationTable
{
    private readonly Dictionary<string, string> _notApplicable;
    private readonly Dictionary<(string Scenario, int Step), string> _notCompared;
    private readonly Dictionary<(string Scenario, string Value), string> _unrecorded;
    private readonly Dictionary<string, Deviation> _deviations;

    private DeviationTable(JsonElement root)
    {
        _notApplicable = root.GetProperty("notApplicable").EnumerateObject().ToDictionary(each => each.Name, each => each.Value.GetString()!);
        _notCompared = root.GetProperty("notCompared").EnumerateArray().ToDictionary(
            each => (each.GetProperty("scenario").GetString()!, each.GetProperty("step").GetInt32()), each => each.GetProperty("why").GetString()!);
        _unrecorded = root.GetProperty("notComparedValues").EnumerateArray().SelectMany(ValuesOf).ToDictionary();
        _deviations = root.GetProperty("deviations").EnumerateArray().SelectMany(Deviation.Of).ToDictionary(each => each.Scenario);
    }

    public static DeviationTable Default { get; } =
        new(JsonElement.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Storage", "Aufs", "Deviations.json"))));

    public IReadOnlyDictionary<string, string> NotApplicable => _notApplicable;

    public IReadOnlyCollection<Deviation> Deviations => _deviations.Values;

    /// <summary>All scenarios that it names.</summary>
    public IEnumerable<string> Scenarios => _notApplicable.Keys.Concat(_notCompared.Keys.Select(each => each.Scenario))
        .Concat(_unrecorded.Keys.Select(each => each.Scenario).Distinct()).Concat(_deviations.Keys);

    public bool IsCompared(string scenario, int step) => !_notCompared.ContainsKey((scenario, step));

    /// <summary>Whether a difference is more than one value of a tree which the record says nothing useful about.</summary>
    public bool Counts(string scenario, string difference) => !_unrecorded.Keys.Any(each =>
        each.Scenario == scenario && difference.StartsWith(each.Value + " is ", StringComparison.Ordinal));

    public IReadOnlyList<string> DifferencesOf(string scenario) => _deviations.GetValueOrDefault(scenario)?.Differences ?? [];

    // A value is named as the difference would: the tree, the path, and what is said of it.
    private static IEnumerable<KeyValuePair<(string Scenario, string Value), string>> ValuesOf(JsonElement row) =>
        row.GetProperty("values").EnumerateArray().Select(value => KeyValuePair.Create(
            (row.GetProperty("scenario").GetString()!, value.GetString()!), row.GetProperty("why").GetString()!));
}

/// <summary>A scenario that our union plays otherwise.</summary>
/// <param name="Scenario">Which.</param>
/// <param name="Why">Why ours is better, or why it cannot be the same.</param>
/// <param name="Differences">What exactly is otherwise.</param>
internal sealed record Deviation(string Scenario, string Why, IReadOnlyList<string> Differences)
{
    /// <summary>The table has one row for each reason, with its scenarios.</summary>
    public static IEnumerable<Deviation> Of(JsonElement row) => row.GetProperty("scenarios").EnumerateObject().Select(each =>
        new Deviation(each.Name, row.GetProperty("why").GetString()!, [.. each.Value.EnumerateArray().Select(difference => difference.GetString()!)]));
}
