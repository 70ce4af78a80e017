using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Containers.Files;

/// <summary>An open file of a container; what it stands on is held until it is closed.</summary>
internal sealed class ContainerFileStream(SafeFileHandle handle, FileAccess access, IDisposable held) : FileStream(handle, access, bufferSize: 4096)
{
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing)
        {
            held.Dispose();
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync().ConfigureAwait(false);
        held.Dispose();
        GC.SuppressFinalize(this);
    }
}
