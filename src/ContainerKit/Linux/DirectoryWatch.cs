using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Linux;

/// <summary>Tells when something changes in a directory or in a file of it: inotify(7).</summary>
[SupportedOSPlatform("linux")]
internal sealed class DirectoryWatch : IDisposable
{
    private const uint Modified = 2, MovedTo = 0x80, Created = 0x100, Deleted = 0x200;
    private const int NonBlocking = 0x800, CloseOnExec = 0x80000;

    private readonly SafeFileHandle _events;
    private readonly EventLoop.Registration _registration;

    public DirectoryWatch(string directory)
    {
        var fd = LibC.inotify_init1(NonBlocking | CloseOnExec);
        LinuxException.ThrowIf(fd < 0 ? Marshal.GetLastPInvokeError() : 0, $"watch '{directory}'");
        _events = new SafeFileHandle(fd, ownsHandle: true);
        if (LibC.inotify_add_watch(fd, directory, Modified | MovedTo | Created | Deleted) < 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            _events.Dispose();
            throw new LinuxException(errno, $"watch '{directory}'");
        }

        _registration = EventLoop.Shared.Watch(_events);
    }

    /// <summary>Waits for a change; one that has happened since the last call is told at once. One wait at a time.</summary>
    public async Task WaitAsync(CancellationToken cancellationToken)
    {
        while (!TryTake())
        {
            await _registration.WaitAsync(forWriting: false, cancellationToken).ConfigureAwait(false);
        }
    }

    public void Dispose()
    {
        _registration.Dispose();
        _events.Dispose();
    }

    // What has changed is of no interest here: whoever waits looks for himself.
    private unsafe bool TryTake()
    {
        const int room = 4096;
        var buffer = stackalloc byte[room];
        var any = false;
        while ((long)Tmds.Linux.LibC.read((int)_events.DangerousGetHandle(), buffer, (Tmds.Linux.size_t)room) > 0)
        {
            any = true;
        }

        return any;
    }
}
