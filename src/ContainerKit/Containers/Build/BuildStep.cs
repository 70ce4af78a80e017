namespace ContainerKit.Containers.Build;

/// <summary>One step of an image build that adds a layer. It writes entries; it knows nothing of compression, digests or stores.</summary>
internal abstract class BuildStep
{
    /// <summary>The step in words, for the image's history.</summary>
    public abstract string Description { get; }

    /// <summary>Writes the layer's entries in a fixed order, so that the same input always gives the same bytes.</summary>
    public abstract void WriteTo(LayerBuilder layer, CancellationToken cancellationToken);
}
