using System.Runtime.InteropServices;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Content;

/// <summary>
/// A lock between tasks and processes alike, held for as long as this object lives. The kernel lets go of it when the process
/// dies, so a held lock means a living holder, and a dead one needs no sweeping.
/// </summary>
/// <remarks>
/// On Linux it is flock(2) on a file or directory, which belongs to the open file description: two tasks of one process exclude
/// each other as two processes do. Elsewhere it is an open file that shares nothing, or lets others read only: which is a lock of the
/// same kind on Windows, and what .NET makes a lock of elsewhere.
/// </remarks>
internal sealed class FileLock : IDisposable
{
    private const int SharingViolation = 32;
    private const int LockViolation = 33;

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(25);

    private readonly SafeFileHandle _file;

    private FileLock(SafeFileHandle file) => _file = file;

    /// <summary>Waits for the lock on a file, which is made when it is not there.</summary>
    public static FileLock Acquire(string path, bool exclusive, CancellationToken cancellationToken)
    {
        var pause = FirstPause;
        FileLock? held;
        while ((held = TryAcquire(path, exclusive)) is null)
        {
            cancellationToken.WaitHandle.WaitOne(pause);
            cancellationToken.ThrowIfCancellationRequested();
            pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, LongestPause.Ticks));
        }

        return held;
    }

    /// <inheritdoc cref="Acquire"/>
    public static async Task<FileLock> AcquireAsync(string path, bool exclusive, CancellationToken cancellationToken)
    {
        var pause = FirstPause;
        FileLock? held;
        while ((held = TryAcquire(path, exclusive)) is null)
        {
            await Task.Delay(pause, cancellationToken).ConfigureAwait(false);
            pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, LongestPause.Ticks));
        }

        return held;
    }

    /// <summary>Takes the lock if nobody holds one that excludes it; null otherwise.</summary>
    public static FileLock? TryAcquire(string path, bool exclusive)
    {
        if (!OperatingSystem.IsLinux())
        {
            return TryOpenAlone(path, exclusive);
        }

        while (true)
        {
            var file = FileCalls.Local.Open(null, path, OpenFlags.ReadWrite | OpenFlags.Create, 0x180, Resolve.Host);
            if (!TryFlock(file, exclusive))
            {
                file.Dispose();
                return null;
            }

            // Whoever held the lock may have removed or replaced the file: then this lock is on something that no one else will find.
            var isCurrent = FileCalls.Local.TryOpen(null, path, OpenFlags.PathOnly, 0, Resolve.Host, out var now) == 0
                && FileCalls.Local.Stat(now) is var there
                && FileCalls.Local.Stat(file) is var mine
                && (there.Inode, there.Device) == (mine.Inode, mine.Device);
            now.Dispose();
            if (isCurrent)
            {
                return new FileLock(file);
            }

            file.Dispose();
        }
    }

    /// <summary>Takes a lock on an open file or directory, if nobody holds one that excludes it. The handle stays the caller's.</summary>
    [System.Runtime.Versioning.SupportedOSPlatform("linux")]
    public static bool TryFlock(SafeFileHandle file, bool exclusive)
    {
        int result;
        do
        {
            result = LibC.flock((int)file.DangerousGetHandle(), (exclusive ? LibC.LOCK_EX : LibC.LOCK_SH) | LibC.LOCK_NB);
        }
        while (result < 0 && Marshal.GetLastPInvokeError() == Errno.EINTR);

        if (result < 0 && Marshal.GetLastPInvokeError() != Errno.EAGAIN)
        {
            throw new LinuxException(Marshal.GetLastPInvokeError(), "lock a file");
        }

        return result == 0;
    }

    /// <summary>The file. Whoever inherits its descriptor holds the lock, too.</summary>
    public SafeFileHandle Handle => _file;

    /// <summary>Lets go.</summary>
    public void Dispose() => _file.Dispose();

    private static FileLock? TryOpenAlone(string path, bool exclusive)
    {
        try
        {
            return new FileLock(exclusive
                ? File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None)
                : File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.Read, FileShare.Read));
        }
        catch (IOException e) when (IsHeld(e) && File.Exists(path))
        {
            return null;
        }
    }

    // Anything else that fails (a full disk, a name too long) would be waited for in vain.
    private static bool IsHeld(IOException e) => OperatingSystem.IsWindows() ? (e.HResult & 0xFFFF) is SharingViolation or LockViolation : e.GetType() == typeof(IOException);
}
