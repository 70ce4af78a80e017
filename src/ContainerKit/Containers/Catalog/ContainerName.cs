using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace ContainerKit.Containers.Catalog;

/// <summary>Names and ids of containers, in docker's grammar: both become directory names.</summary>
internal static partial class ContainerName
{
    /// <summary>A new id: 64 hexadecimal digits, of which the first 12 are what people type.</summary>
    /// <remarks>Of the system's random bytes, as <see cref="Guid.NewGuid"/> takes them: a cryptographic library would take longer to load than a container to start.</remarks>
    public static string NewId() => $"{Guid.NewGuid():N}{Guid.NewGuid():N}";

    public static string Require(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return IsValid(name)
            ? name
            : throw new ArgumentException($"'{name}' cannot name a container: a letter or digit must come first, then letters, digits, '_', '.' and '-', at most 128 in all.", nameof(name));
    }

    public static bool IsValid([NotNullWhen(true)] string? name) => name is not null && Grammar().IsMatch(name);

    [GeneratedRegex(@"\A[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}\z")]
    private static partial Regex Grammar();
}

/// <summary>Paths inside a container, as users give them.</summary>
internal static class ContainerPath
{
    public static string RequireAbsolute(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return path[0] == '/'
            ? path
            : throw new ArgumentException($"A path inside a container must be absolute: '{path}'.", nameof(path));
    }

    /// <summary>Refuses what is not a place to mount on: what is mounted there would hide what the container needs, or be hidden itself.</summary>
    public static string RequireMountable(string path)
    {
        var names = RequireAbsolute(path).Split('/', StringSplitOptions.RemoveEmptyEntries);
        return names switch
        {
            _ when names.Any(name => name is "." or "..") => throw new ArgumentException($"A path to mount on holds no '.' and no '..': '{path}'.", nameof(path)),
            [] => throw new ArgumentException("Nothing can be mounted on '/': the container's root is its image.", nameof(path)),
            ["proc", ..] or ["sys"] => throw new ArgumentException($"Nothing can be mounted on '{path}': the kernel's own file systems are there.", nameof(path)),
            _ => path,
        };
    }
}
