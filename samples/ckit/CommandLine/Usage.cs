using System.Text.RegularExpressions;

namespace Ckit.CommandLine;

/// <summary>What the parser of the command line says, for those who do not write programs.</summary>
internal static partial class Usage
{
    /// <summary>A message without the names of types: those that cannot be parsed are numbers, all of them.</summary>
    public static string InWords(string message) => TypeName().Replace(message, ": it is no number");

    [GeneratedRegex(" as expected type '[^']*'")]
    private static partial Regex TypeName();
}
