using ContainerKit.Content;

namespace ContainerKit.Images;

/// <summary>
/// Keeps what was added from being swept until an image refers to it. Take one before the first blob goes in (or before layers
/// are read), and keep it until the image has been created (or they have been read). Any number of them may be held at once.
/// </summary>
internal sealed class StoreLease : IDisposable
{
    private readonly FileLock _held;

    internal StoreLease(FileLock held) => _held = held;

    public void Dispose() => _held.Dispose();
}
