using ContainerKit.Layers;
using ContainerKit.Linux;
using ContainerKit.Storage;
using ContainerKit.Storage.Union;

namespace ContainerKit.Containers;

internal static class LayerApplier
{
    public static void Apply(LayerReader reader, UnionTree tree, LayerLimits limits, CancellationToken cancellationToken) => throw new NotImplementedException();
}

internal static class StorageDrivers
{
    public static IStorageDriver Choose(string? name, IReadOnlyList<IStorageDriver> extra, string directory) => throw new NotImplementedException();
}

internal static class HostProbes
{
    public static HostReport Report(string root) => throw new NotImplementedException();
}

internal static class InterimTree
{
    public static UnionTree OfSingleDirectory(RootedDirectory root) => throw new NotImplementedException();
}
