using Ckit.CommandLine;

namespace Ckit.Commands;

/// <summary>The files of an image, seen through a container that nobody starts and that is gone afterwards.</summary>
internal sealed class ImageFiles : IAsyncDisposable
{
    private readonly Container _container;

    private ImageFiles(Container container) => _container = container;

    public ContainerFiles Files => _container.Files;

    public static async Task<ImageFiles> OpenAsync(ContainerHost host, string name, CancellationToken cancellationToken)
    {
        var image = await Lookup.ImageAsync(host, name, cancellationToken);
        return new ImageFiles(await host.Container(image).CreateAsync(cancellationToken));
    }

    /// <summary>A path as users type it, where all paths begin at the root.</summary>
    public static string Absolute(string path) => path.StartsWith('/') ? path : "/" + path;

    public ValueTask DisposeAsync() => _container.DisposeAsync();
}
