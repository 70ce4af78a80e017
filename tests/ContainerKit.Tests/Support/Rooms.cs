using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace ContainerKit.Tests.Support;

/// <summary>One use of a type: the file and line that name it, and the room that declares it.</summary>
internal sealed record TypeUse(string File, int Line, string From, string To, string Type)
{
    public override string ToString() => $"{File}:{Line}: {From} uses {Type} of {To}";
}

/// <summary>
/// The rooms of the library: the folders of src/ContainerKit. A type belongs to the folder of its file, because public types are in
/// the namespace ContainerKit wherever they live.
/// </summary>
internal static class Rooms
{
    /// <summary>The files of the top folder that hold the rooms together, and so may use them all.</summary>
    public const string Facade = "the facade";

    /// <summary>All other files of the top folder: words that every room speaks.</summary>
    public const string Vocabulary = "the vocabulary";

    /// <summary>The room of a file, given by its path from the top of the repository.</summary>
    public static string Of(string file) => file.Split('/') switch
    {
        ["src", "ContainerKit", var room, _, ..] => room,
        [.., var name] when name.StartsWith("ContainerHost", StringComparison.Ordinal) || name.StartsWith("ImageStore.", StringComparison.Ordinal) => Facade,
        _ => Vocabulary,
    };

    /// <summary>Every place in the library that names a type, or a member of a type, which another room declares.</summary>
    public static IEnumerable<TypeUse> Uses(CSharpCompilation library) =>
        from tree in library.SyntaxTrees
        where tree.FilePath.StartsWith("src/", StringComparison.Ordinal)
        let model = library.GetSemanticModel(tree)
        from name in tree.GetRoot().DescendantNodes().OfType<SimpleNameSyntax>()
        from type in Types(model.GetSymbolInfo(name))
        from file in type.DeclaringSyntaxReferences.Select(declaration => declaration.SyntaxTree.FilePath).Take(1)
        where Of(file) != Of(tree.FilePath)
        select new TypeUse(
            tree.FilePath, name.GetLocation().GetLineSpan().StartLinePosition.Line + 1, Of(tree.FilePath), Of(file), type.ToDisplayString());

    private static IEnumerable<INamedTypeSymbol> Types(SymbolInfo symbol) =>
        (symbol.Symbol ?? symbol.CandidateSymbols.FirstOrDefault()) switch
        {
            INamedTypeSymbol type => [type.OriginalDefinition],
            { ContainingType: { } type } => [type.OriginalDefinition],
            _ => [],
        };
}
