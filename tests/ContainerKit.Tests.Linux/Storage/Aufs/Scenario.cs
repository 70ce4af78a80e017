using System.Text.Json;

namespace ContainerKit.Tests.Linux.Storage.Aufs;

/// <summary>One recorded scenario: branches before, operations with their results, and the trees afterwards.</summary>
/// <param name="Name">Also the name of its file.</param>
/// <param name="Branches">What was put into the branches, in this order.</param>
/// <param name="MountOptions">The options of the first mount, with the flags of mount(2) as mount(8) spells them.</param>
/// <param name="MountResult"><c>ok</c>, or the name of the error with which mount(2) failed.</param>
/// <param name="Steps">What was done, and what came of it.</param>
/// <param name="Merged">The tree that the mount showed at the end; null where there was no mount.</param>
/// <param name="BranchTrees">What the branches held at the end, while mounted.</param>
/// <param name="BranchTreesAfterUmount">What they held afterwards, where that differs.</param>
/// <param name="UmountResult">As for the mount.</param>
/// <param name="IsBranchDumpFirst">Whether the branches were looked at before the merged tree was read, which can write to them.</param>
internal sealed record Scenario(
    string Name,
    IReadOnlyList<ScenarioBranch> Branches,
    string MountOptions,
    string MountResult,
    IReadOnlyList<ScenarioStep> Steps,
    RecordedTree? Merged,
    IReadOnlyDictionary<string, RecordedTree> BranchTrees,
    IReadOnlyDictionary<string, RecordedTree>? BranchTreesAfterUmount,
    string UmountResult,
    bool IsBranchDumpFirst)
{
    public static string Folder { get; } = Path.Combine(AppContext.BaseDirectory, "Storage", "Aufs", "Vectors");

    public static IEnumerable<string> Names =>
        Directory.EnumerateFiles(Folder, "*.json").Select(each => Path.GetFileNameWithoutExtension(each)).Order(StringComparer.Ordinal);

    public static Scenario Load(string name)
    {
        var root = JsonElement.Parse(File.ReadAllText(Path.Combine(Folder, name + ".json")));
        var setup = root.GetProperty("setup");
        return new Scenario(
            name,
            [.. setup.GetProperty("branches").EnumerateArray().Select(ScenarioBranch.Of)],
            OptionsOf(setup),
            root.GetProperty("mount").GetString()!,
            [.. root.GetProperty("results").EnumerateArray().Select(ScenarioStep.Of)],
            root.TryGetProperty("merged", out var merged) ? RecordedTree.OfRecord(merged.EnumerateArray()) : null,
            TreesOf(root.GetProperty("branches")),
            root.GetProperty("branchesAfterUmount") is { ValueKind: JsonValueKind.Array } after ? TreesOf(after) : null,
            root.GetProperty("umount").GetString()!,
            root.TryGetProperty("branchDumpBeforeMergedDump", out _));
    }

    private static string OptionsOf(JsonElement setup) => setup.TryGetProperty("mountFlags", out var flags)
        ? $"{setup.GetProperty("mountOptions")},{flags}"
        : setup.GetProperty("mountOptions").GetString()!;

    private static Dictionary<string, RecordedTree> TreesOf(JsonElement branches) => branches.EnumerateArray().ToDictionary(
        each => each.GetProperty("path").GetString()!, each => RecordedTree.OfRecord(each.GetProperty("entries").EnumerateArray()));
}

/// <summary>A branch before the mount.</summary>
/// <param name="Path">Where it is, below /b.</param>
/// <param name="Entries">What is put into it, in this order.</param>
internal sealed record ScenarioBranch(string Path, IReadOnlyList<JsonElement> Entries)
{
    public static ScenarioBranch Of(JsonElement branch) =>
        new(branch.GetProperty("path").GetString()!, [.. branch.GetProperty("entries").EnumerateArray()]);
}

/// <summary>An operation and what came of it.</summary>
/// <param name="Operation">Its name, and its arguments.</param>
/// <param name="Result"><c>ok</c>, or the name of an error.</param>
/// <param name="Value">What was observed; undefined when nothing was.</param>
internal sealed record ScenarioStep(JsonElement Operation, string Result, JsonElement Value)
{
    public static ScenarioStep Of(JsonElement step) => new(
        step.GetProperty("op"), step.GetProperty("r").GetString()!, step.TryGetProperty("v", out var value) ? value : default);

    /// <summary>The operation's name; of one that another user does, what that user does.</summary>
    public string Verb => Inner[0].GetString()!;

    private JsonElement Inner => Operation[0].GetString() == "as" ? Operation[3] : Operation;

    public override string ToString() => Operation.GetRawText();
}
