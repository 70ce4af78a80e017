using ContainerKit.Content;
using ContainerKit.Layers;
using ContainerKit.Layers.Trees;

namespace ContainerKit.Images.Editing;

/// <summary>A file in a layer, by the place of its entry in the archive: the layer is read up to there each time.</summary>
internal sealed class LayerContent(Layer layer, long entry, string path) : FileContent
{
    public Layer Layer => layer;

    /// <summary>Which entry of the archive it is, counted from 0.</summary>
    public long Entry => entry;

    public override Task<Stream> OpenAsync(CancellationToken cancellationToken) => Task.Run<Stream>(() => Open(cancellationToken), cancellationToken);

    private VerifyingStream Open(CancellationToken cancellationToken)
    {
        var tar = layer.OpenTar();
        try
        {
            var reader = new LayerReader(tar, layer.Limits);
            for (var i = 0L; i <= entry; i++)
            {
                if (!reader.MoveNext(cancellationToken))
                {
                    throw new ImageException($"The layer {layer.DiffId} is damaged: its archive ends before the file '{path}'.");
                }
            }

            // The archive's own hash is known only at its end; until then, the file's vouches for what was found.
            return new VerifyingStream(new Owning(reader), Digest!.Value, $"The file '{path}' in the layer {layer.DiffId}");
        }
        catch
        {
            tar.Dispose();
            throw;
        }
    }

    /// <summary>The current entry's content, with which the whole archive is closed.</summary>
    private sealed class Owning(LayerReader reader) : ReadOnlyStream
    {
        public override int Read(Span<byte> buffer) => reader.Content.Read(buffer);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                reader.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
