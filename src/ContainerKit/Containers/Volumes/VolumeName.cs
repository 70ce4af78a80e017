using System.Diagnostics.CodeAnalysis;
using ContainerKit.Containers.Catalog;

namespace ContainerKit.Containers.Volumes;

/// <summary>Names of volumes, in docker's grammar: they become directory names.</summary>
internal static class VolumeName
{
    private const int LengthOfId = 64;

    public static string Require(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return IsValid(name)
            ? name
            : throw new ArgumentException($"'{name}' cannot name a volume: a letter or digit must come first, then letters, digits, '_', '.' and '-', at most 128 in all.", nameof(name));
    }

    public static bool IsValid([NotNullWhen(true)] string? name) => ContainerName.IsValid(name);

    /// <summary>
    /// Whether a volume was made without a name, as 64 hexadecimal digits tell: it goes with the last container that has it. The name says it, so that
    /// an open store need not read what is written down about any volume.
    /// </summary>
    public static bool IsAnonymous(string name) => name.Length == LengthOfId && name.All(char.IsAsciiHexDigitLower);

    public static string NewAnonymous() => ContainerName.NewId();
}
