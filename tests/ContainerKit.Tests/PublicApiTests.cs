using PublicApiGenerator;

namespace ContainerKit.Tests;

public sealed class PublicApiTests
{
    private const string Approved = "tests/ContainerKit.Tests/PublicApi.approved.txt";
    private const string Received = "artifacts/PublicApi.received.txt";

    [Test]
    public void What_others_compile_against_changes_only_on_purpose()
    {
        var received = typeof(Digest).Assembly.GeneratePublicApi(new ApiGeneratorOptions
        {
            IncludeAssemblyAttributes = false,
            // The compiler numbers its own types anew with every edit.
            ExcludeAttributes =
            [
                typeof(System.Runtime.CompilerServices.AsyncIteratorStateMachineAttribute).FullName!,
                typeof(System.Runtime.CompilerServices.EnumeratorCancellationAttribute).FullName!,
            ],
        }).ReplaceLineEndings("\n");
        Directory.CreateDirectory(SourceTree.PathOf("artifacts"));
        File.WriteAllText(SourceTree.PathOf(Received), received);

        Assert.That(
            received,
            Is.EqualTo(SourceTree.Read(Approved)),
            $"The public API is another than the approved one. If that is meant: cp {Received} {Approved}, and say it in CHANGELOG.md.");
    }
}
