namespace ContainerKit.Storage;

/// <summary>The branch of a new snapshot, open, so that hardly anything can fail when it comes on top of a mounted one.</summary>
internal interface IOpenedBranch : IDisposable
{
    /// <summary>From now on the mount writes there, and only reads what it wrote to before.</summary>
    void PutOnTop();
}
