using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Linux;

/// <summary>
/// An open directory as the root of every path given to it: `..` stops at it, absolute symlinks start at it, magic links are
/// refused. What comes from an image or a container is only ever opened through one of these.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class RootedDirectory : IDisposable
{
    private RootedDirectory(SafeFileHandle handle, FileCalls calls)
    {
        Handle = handle;
        Calls = calls;
    }

    /// <summary>The directory itself.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Who makes the calls.</summary>
    public FileCalls Calls { get; }

    /// <summary>Opens a directory of the host's own (the path is trusted, and resolves as usual).</summary>
    public static RootedDirectory Open(string hostPath, FileCalls? calls = null)
    {
        calls ??= FileCalls.Local;
        return new RootedDirectory(calls.Open(null, hostPath, OpenFlags.Directory, resolve: Resolve.Host), calls);
    }

    /// <summary>Takes over an open directory.</summary>
    public static RootedDirectory Adopt(SafeFileHandle directory, FileCalls? calls = null) => new(directory, calls ?? FileCalls.Local);

    /// <summary>Opens what <paramref name="path"/> leads to, symlinks and all, without ever leaving this directory.</summary>
    public SafeFileHandle OpenInside(FileName path, OpenFlags flags, int mode = 0) => Calls.Open(Handle, path, flags, mode, Resolve.InRoot);

    /// <inheritdoc cref="OpenInside"/>
    /// <returns>0 or an <see cref="Errno"/>.</returns>
    public int TryOpenInside(FileName path, OpenFlags flags, int mode, out SafeFileHandle handle) =>
        Calls.TryOpen(Handle, path, flags, mode, Resolve.InRoot, out handle);

    public void Dispose() => Handle.Dispose();
}
