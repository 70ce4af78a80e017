using System.Text.RegularExpressions;
using ContainerKit.Tests.Support;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace ContainerKit.Tests;

/// <summary>The rules of the house that a machine can check. src/ContainerKit/README.md gives the reasons.</summary>
public sealed partial class ArchitectureTests
{
    private const int ManyLines = 400;

    private static readonly Dictionary<string, string[]> MayUse = new()
    {
        ["Linux"] = [],
        ["Content"] = ["Linux"],
        ["Layers"] = ["Content", "Linux"],
        ["Images"] = ["Layers", "Content", "Linux"],
        ["Registry"] = ["Images", "Layers", "Content", "Linux"],
        ["Storage"] = ["Layers", "Content", "Linux"],
        ["Launch"] = ["Linux"],
        // Content is here for FileLock only: whether a cgroup's owner lives is a held lock.
        ["Isolation"] = ["Launch", "Content", "Linux"],
        // Here, too: whether a network's member lives is a held lock.
        ["Networking"] = ["Launch", "Content", "Linux"],
        ["Containers"] =
            ["Networking", "Isolation", "Launch", "Storage", "Registry", "Images", "Layers", "Content", "Linux", Rooms.Facade],
        [Rooms.Facade] = ["Containers", "Networking", "Isolation", "Launch", "Storage", "Registry", "Images", "Layers", "Content", "Linux"],
        [Rooms.Vocabulary] = [],
    };

    private static readonly string[] Everywhere = ["src", "tests", "samples", "benchmarks"];

    [Category("Slow")]
    [Test]
    public void Rooms_use_only_the_rooms_that_the_arrows_lead_to()
    {
        var forbidden = Rooms.Uses(Compiler.Library())
            .Where(use => use.To != Rooms.Vocabulary && !MayUse.GetValueOrDefault(use.From, []).Contains(use.To))
            .DistinctBy(use => (use.File, use.Type));

        Assert.That(string.Join('\n', forbidden), Is.Empty);
    }

    [Test]
    public void Every_room_is_in_the_plan() => Assert.That(
        SourceTree.CSharpFiles("src/ContainerKit").Select(Rooms.Of).Distinct(),
        Is.SubsetOf(MayUse.Keys));

    [Test]
    public void A_folder_is_a_namespace_and_only_the_public_face_leaves_it()
    {
        var elsewhere =
            from tree in Compiler.Library().SyntaxTrees
            where tree.FilePath.StartsWith("src/", StringComparison.Ordinal)
            from declaration in tree.GetRoot().ChildNodes().OfType<BaseNamespaceDeclarationSyntax>()
            let here = declaration.Name.ToString()
            let folder = Path.GetDirectoryName(tree.FilePath)!["src/".Length..].Replace('/', '.')
            where here != folder
            from type in declaration.Members.OfType<MemberDeclarationSyntax>()
            where here != "ContainerKit" || !type.Modifiers.Any(modifier => modifier.ValueText == "public")
            select $"{tree.FilePath} declares a type in {here}";

        Assert.That(elsewhere.Distinct(), Is.Empty);
    }

    [TestCase("tests/ContainerKit.Tests")]
    [TestCase("tests/ContainerKit.Tests.Linux")]
    public void Tests_lie_in_the_folder_of_what_they_test(string project)
    {
        var strangers = SourceTree.CSharpFiles(project)
            .Select(file => Path.GetDirectoryName(Path.GetRelativePath(project, file))!)
            .Where(folder => folder.Split('/')[0] is not ("" or "Support" or "Samples" or "Peers" or "Corpus"))
            .Where(folder => !Directory.Exists(SourceTree.PathOf($"src/ContainerKit/{folder}")));

        Assert.That(strangers.Distinct(), Is.Empty);
    }

    [Test]
    public void A_long_file_says_why_it_is_long()
    {
        var silent = Everywhere.SelectMany(SourceTree.CSharpFiles)
            .Where(file => File.ReadLines(SourceTree.PathOf(file)).Count() > ManyLines)
            .Where(file => !File.ReadLines(SourceTree.PathOf(file)).Take(40).Any(line => line.Contains("A long file: ", StringComparison.Ordinal)));

        Assert.That(silent, Is.Empty, "Split these, or give the reason near the top in a comment that begins 'A long file: '.");
    }

    [Test]
    public void Nothing_is_left_for_later()
    {
        var unfinished = Lines(Everywhere).Where(line => Unfinished().IsMatch(line.Text));

        Assert.That(unfinished, Is.Empty);
    }

    [Test]
    public void No_machine_is_named()
    {
        var named = Lines(Everywhere).Where(line => MachinePath().IsMatch(line.Text));

        Assert.That(named, Is.Empty);
    }

    private static IEnumerable<(string Place, string Text)> Lines(IEnumerable<string> directories) =>
        from file in directories.SelectMany(SourceTree.CSharpFiles)
        where Path.GetFileName(file) != "ArchitectureTests.cs"
        from line in File.ReadLines(SourceTree.PathOf(file)).Index()
        select ($"{file}:{line.Index + 1}", line.Item.Trim());

    [GeneratedRegex(@"\b(TODO|FIXME|HACK|XXX)\b|NotImplementedException|Assert\.Pass\b")]
    private static partial Regex Unfinished();

    [GeneratedRegex(@"(^|[^A-Za-z0-9_./-])/(work|farm)/(h|main|shared|\.)|https?://[a-z0-9.-]*(nuget|debian|npmjs)")]
    private static partial Regex MachinePath();
}
