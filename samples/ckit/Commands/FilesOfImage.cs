using Ckit.CommandLine;

namespace Ckit.Commands;

/// <summary>The files of an image as its layers say, read without a container: what the kernel mounts in one is not among them.</summary>
internal static class FilesOfImage
{
    /// <param name="host">Where the image is.</param>
    /// <param name="name">The image's name or digest.</param>
    /// <param name="path">A path in it as users type it; all begin at the root.</param>
    /// <param name="action">Is given the files, and the path with its first slash.</param>
    /// <param name="cancellationToken">Gives up before the action.</param>
    /// <exception cref="UsageException">The image has no such path.</exception>
    public static async Task UseAsync(ContainerHost host, string name, string path, Func<ImageFiles, string, Task> action, CancellationToken cancellationToken)
    {
        var image = await Lookup.ImageAsync(host, name, cancellationToken);
        var files = await host.Images.OpenFilesAsync(image, cancellationToken);
        var absolute = path.StartsWith('/') ? path : "/" + path;
        try
        {
            await action(files, absolute);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new UsageException($"There is no '{absolute}' in the image '{name}'.", e);
        }
    }
}
