using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace ContainerKit.Tests.Support;

/// <summary>Compiles sources in memory, for tests that ask the compiler what a name means.</summary>
internal static class Compiler
{
    private const string ImplicitUsings = """
        global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq;
        global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;
        """;

    /// <summary>Everything that this process can load: the framework, the library's packages, and the library itself.</summary>
    private static IEnumerable<string> Assemblies =>
        ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator);

    /// <summary>The library from its sources. What source generators would add is missing, and nothing here asks for it.</summary>
    public static CSharpCompilation Library() => Compile(
        SourceTree.CSharpFiles("src/ContainerKit").Select(file => (file, SourceTree.Read(file))),
        Assemblies.Where(path => Path.GetFileName(path) != "ContainerKit.dll"));

    /// <summary>A program that uses the library.</summary>
    public static CSharpCompilation Program(string source) => Compile([("Program.cs", source)], Assemblies);

    private static CSharpCompilation Compile(IEnumerable<(string Path, string Text)> sources, IEnumerable<string> references)
    {
        var options = new CSharpParseOptions(LanguageVersion.Preview, DocumentationMode.Parse);
        return CSharpCompilation.Create(
            "Compiled",
            sources.Prepend(("Usings.cs", ImplicitUsings)).Select(source => CSharpSyntaxTree.ParseText(source.Item2, options, source.Item1)),
            references.Select(path => MetadataReference.CreateFromFile(path)),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable));
    }
}
