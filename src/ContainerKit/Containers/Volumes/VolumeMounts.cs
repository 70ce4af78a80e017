using ContainerKit.Containers.Catalog;
namespace ContainerKit.Containers.Volumes;

/// <summary>Volumes in the description of a container: mounts of the type <c>volume</c>, whose source is the volume's name. Nothing mounts them as such.</summary>
internal static class VolumeMounts
{
    public const string Type = "volume";

    // What an image asks for costs a directory and a mount each.
    private const int MostOfImage = 128;

    /// <summary>The volumes that a container has, each once.</summary>
    public static IReadOnlyList<string> NamesIn(ContainerOptions options) =>
        [.. options.Mounts.Where(mount => mount.Type == Type).Select(mount => mount.Source).Distinct(StringComparer.Ordinal)];

    /// <summary>
    /// What a new container is described by: volumes that were given no name get one, and so do the paths that its image wants a volume at and nothing
    /// else is mounted on.
    /// </summary>
    /// <exception cref="ImageException">The image wants a volume where none can be.</exception>
    public static ContainerOptions Complete(ContainerOptions options, Image image)
    {
        var wanted = options.IgnoresImageVolumes ? [] : image.Config.Volumes;
        if (wanted.Count == 0 && !options.Mounts.Any(IsNameless))
        {
            return options;
        }

        var taken = options.Mounts.Select(mount => Clean(mount.Target)).ToHashSet(StringComparer.Ordinal);
        var added = wanted.Select(path => RequirePath(path, image)).Where(taken.Add).Select(path => new Mount(Type, VolumeName.NewAnonymous(), path, ["rw"])).ToArray();
        if (added.Length > MostOfImage)
        {
            throw new ImageException($"Cannot make a container of '{image.Reference}': the image wants {added.Length} volumes, and {MostOfImage} are the most.")
            {
                Hint = "Leave them out: WithoutImageVolumes.",
            };
        }

        // Behind the image's own, so that what was asked for lies on top.
        return options with { Mounts = [.. added, .. options.Mounts.Select(mount => IsNameless(mount) ? mount with { Source = VolumeName.NewAnonymous() } : mount)] };
    }

    /// <summary>Mounts in the order in which none hides another: docker's, those with shorter paths first.</summary>
    public static IEnumerable<Mount> Ordered(IEnumerable<Mount> mounts) => mounts.OrderBy(mount => Clean(mount.Target).Count(each => each == '/'));

    private static bool IsNameless(Mount mount) => mount is { Type: Type, Source: "" };

    private static string RequirePath(string path, Image image)
    {
        try
        {
            return ContainerPath.RequireMountable(Clean(path));
        }
        catch (ArgumentException e)
        {
            throw new ImageException($"Cannot make a container of '{image.Reference}': the image wants a volume at '{path}', where nothing can be mounted.", e) { Hint = "Leave its volumes out: WithoutImageVolumes." };
        }
    }

    private static string Clean(string path) => path.StartsWith('/') ? "/" + string.Join('/', path.Split('/', StringSplitOptions.RemoveEmptyEntries)) : path;
}
