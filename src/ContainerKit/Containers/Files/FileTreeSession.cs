using System.Runtime.Versioning;
using ContainerKit.Storage.Union;

namespace ContainerKit.Containers.Files;

/// <summary>Where the files of a container are to be had just now: in its layers while it is stopped, in its live root while it runs.</summary>
internal interface IFileTreeSource
{
    FileTreeSession OpenTree(CancellationToken cancellationToken);

    /// <summary>The store that its layers lie in.</summary>
    string StoreDirectory { get; }
}

/// <summary>A container's files for the time of one call, together with what must be held meanwhile.</summary>
[SupportedOSPlatform("linux")]
internal sealed class FileTreeSession(UnionTree tree, IDisposable held) : IDisposable
{
    public UnionTree Tree { get; } = tree;

    public void Dispose() => held.Dispose();
}
