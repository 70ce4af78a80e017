using System.Text.RegularExpressions;
using ContainerKit.Tests.Support;
using Microsoft.CodeAnalysis;

namespace ContainerKit.Tests;

/// <summary>What the README shows is what works.</summary>
public sealed partial class ReadmeTests
{
    private const int ManyLines = 250;

    private static IEnumerable<TestCaseData> Snippets() => CSharpBlock().Matches(SourceTree.Read("README.md"))
        .Select((block, index) => new TestCaseData(block.Groups[1].Value).SetArgDisplayNames($"snippet {index + 1}"));

    [TestCaseSource(nameof(Snippets))]
    public void A_snippet_compiles(string snippet)
    {
        var usings = UsingLine().Matches(snippet).Select(line => line.Value).Append("using ContainerKit;").Distinct();

        // Fields, so that a snippet may declare variables of the same names itself.
        var program = $$"""
            {{string.Join('\n', usings)}}
            internal sealed class Snippet
            {
                private readonly ContainerHost host = null!;
                private readonly Image image = null!;
                private readonly Container container = null!;
                private readonly RunningContainer run = null!;
                private readonly CancellationToken ct = default;
                public async Task RunAsync()
                {
                    await Task.Yield();
                    {{UsingLine().Replace(snippet, "")}}
                }
            }
            """;

        Assert.That(Compiler.Program(program).GetDiagnostics().Where(d => d.Severity == DiagnosticSeverity.Error), Is.Empty);
    }

    [Test]
    public void It_is_short() => Assert.That(SourceTree.Read("README.md").Split('\n'), Has.Length.LessThanOrEqualTo(ManyLines));

    [GeneratedRegex(@"^```csharp\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex CSharpBlock();

    [GeneratedRegex(@"^using [A-Z][\w.]*;$", RegexOptions.Multiline)]
    private static partial Regex UsingLine();
}
