using ContainerKit.Layers.Trees;

namespace ContainerKit;

/// <summary>
/// Something that has a tree of files: an <see cref="Image"/>, a <see cref="Layer"/> (its own files, as if nothing lay below), or a
/// <see cref="Container"/>. Two of them can be compared: <see cref="ContainerHost.DiffAsync"/>. Only this library implements it.
/// </summary>
public interface IFileTree
{
    /// <summary>The layers that it is made of, the lowest first.</summary>
    internal IReadOnlyList<Layer> FindLayers();

    /// <summary>Whether it has files besides those of its layers.</summary>
    internal bool HasOwnFiles => false;

    /// <summary>Applies what it has besides its layers.</summary>
    internal void ApplyOwnFiles(LayerTree tree, CancellationToken cancellationToken)
    {
    }
}
