using ContainerKit.Linux;

namespace ContainerKit.Layers;

/// <summary>Turns the names in an archive into absolute paths inside the container. None leads out of it.</summary>
/// <remarks>
/// <c>..</c> takes back the name before it, whatever that is on disk, and above the root is the root: umoci and podman do so.
/// </remarks>
internal static class LayerPath
{
    /// <summary>The longest component that Linux takes, in bytes.</summary>
    public const int MaxNameBytes = 255;

    /// <summary>The absolute path that a name in an archive stands for: <c>./a//b/</c>, <c>a/x/../b</c> and <c>../a/b</c> are all <c>/a/b</c>.</summary>
    /// <param name="name">The name, as the archive has it.</param>
    /// <param name="limits">How long and how deep it may be.</param>
    /// <exception cref="ImageException">It is empty, or too long.</exception>
    public static string Normalise(ReadOnlySpan<byte> name, LayerLimits limits)
    {
        if (name.IsEmpty)
        {
            throw new ImageException("The archive has an entry without a name.");
        }

        if (name.Length > limits.MaxPathBytes + 3)
        {
            throw new ImageException($"The archive has a path of {name.Length} bytes; {limits.MaxPathBytes} are allowed ({nameof(LayerLimits.MaxPathBytes)}): '{Shorten(name)}'.");
        }

        Span<byte> path = stackalloc byte[name.Length + 1];
        int length = 0, depth = 0;
        foreach (var part in name.Split((byte)'/'))
        {
            var component = name[part];
            if (component.IsEmpty || component.SequenceEqual("."u8))
            {
                continue;
            }

            if (component.SequenceEqual(".."u8))
            {
                length = Math.Max(path[..length].LastIndexOf((byte)'/'), 0);
                depth = Math.Max(depth - 1, 0);
                continue;
            }

            Check(component, name);
            path[length++] = (byte)'/';
            component.CopyTo(path[length..]);
            length += component.Length;
            depth++;
        }

        if (depth > limits.MaxPathDepth)
        {
            throw new ImageException($"The archive has a path of {depth} components; {limits.MaxPathDepth} are allowed ({nameof(LayerLimits.MaxPathDepth)}): '{Shorten(name)}'.");
        }

        if (length > limits.MaxPathBytes)
        {
            throw new ImageException($"The archive has a path of {length} bytes; {limits.MaxPathBytes} are allowed ({nameof(LayerLimits.MaxPathBytes)}): '{Shorten(name)}'.");
        }

        return length == 0 ? "/" : LinuxPath.Decode(path[..length]);
    }

    /// <summary>The directory that a path lies in; that of <c>/a</c> is <c>/</c>.</summary>
    public static string Parent(string path) => path.LastIndexOf('/') is var slash and > 0 ? path[..slash] : "/";

    /// <summary>The last component of a path; empty for <c>/</c>.</summary>
    public static string Name(string path) => path[(path.LastIndexOf('/') + 1)..];

    /// <summary>The path of a name in a directory.</summary>
    public static string Combine(string directory, string name) => directory == "/" ? "/" + name : $"{directory}/{name}";

    private static void Check(ReadOnlySpan<byte> component, ReadOnlySpan<byte> name)
    {
        // A whiteout's name is that of a file, and the prefix before it: it never lies on disk.
        var longest = component.StartsWith(".wh."u8) ? MaxNameBytes + Whiteouts.Prefix.Length : MaxNameBytes;
        if (component.Length > longest)
        {
            throw new ImageException($"The archive's path '{Shorten(name)}' has a name of {component.Length} bytes; Linux takes {longest}.");
        }

        if (component.Contains((byte)0))
        {
            throw new ImageException($"The archive's path '{Shorten(name)}' has a NUL in it.");
        }
    }

    private static string Shorten(ReadOnlySpan<byte> name) => name.Length <= 100 ? LinuxPath.Decode(name) : LinuxPath.Decode(name[..100]) + "…";
}
