using ContainerKit.Layers.Trees;

namespace ContainerKit.Containers.Files;

/// <summary>What is in a container's file when it is asked for.</summary>
internal sealed class ContainerContent(ContainerFiles files, string path) : FileContent
{
    public override Task<Stream> OpenAsync(CancellationToken cancellationToken) => files.OpenReadAsync(path, cancellationToken);
}

/// <summary>What an image has in a file. The image's layers are read when the first of such files is asked for, once for all of them.</summary>
internal sealed class ImageFileContent(Lazy<LayerTree> image, string path) : FileContent
{
    public override async Task<Stream> OpenAsync(CancellationToken cancellationToken)
    {
        var tree = await Task.Run(() => image.Value, cancellationToken).ConfigureAwait(false);
        return tree.Find(path) is { Content: { } content }
            ? await content.OpenAsync(cancellationToken).ConfigureAwait(false)
            : throw new ImageException($"The layers of the container's image have no content for the file '{path}'.");
    }
}
