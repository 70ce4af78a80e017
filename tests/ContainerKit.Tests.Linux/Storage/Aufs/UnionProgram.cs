using System.Diagnostics;
using System.Runtime.InteropServices;
using ContainerKit.Tests.Linux.Samples;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Storage.Aufs;

/// <summary>
/// Mounts unions as an administrator would, by <c>mount.ckunion</c>: its server is another process, so that nothing that it does can
/// wait for this one.
/// </summary>
internal sealed class UnionProgram
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    // mount(8) starts a helper of this name; it is ckit under another.
    private readonly string _program = Path.Combine(Path.GetDirectoryName(SamplePrograms.PathOf("ckit"))!, "mount.ckunion");

    public UnionProgram() => Needs.That(File.Exists(_program), "mount.ckunion is not beside ckit");

    /// <summary>Where its files are.</summary>
    public string Directory => Path.GetDirectoryName(_program)!;

    /// <summary>Mounts a union.</summary>
    /// <returns><c>ok</c>, or the name of the error.</returns>
    public string Mount(string target, string options)
    {
        // Its output goes to a file, because its server keeps what it was given.
        var start = new ProcessStartInfo("/bin/sh", [
            "-c", """exec "$0" none "$1" -o "$2" < /dev/null > /tmp/mount.log 2>&1""", _program, target, options]);
        using var process = Process.Start(start)!;
        process.WaitForExit();
        return process.ExitCode == 0 ? "ok" : ErrorOf(File.ReadAllText("/tmp/mount.log"));
    }

    /// <summary>Takes a mount away.</summary>
    /// <returns><c>ok</c>, or the name of the error.</returns>
    public static string Unmount(string target)
    {
        if (GuestCalls.umount2(target, 0) != 0)
        {
            return Errno.NameOf(Marshal.GetLastPInvokeError());
        }

        // The server lets go of its branches a moment after the kernel has let go of the mount.
        SpinWait.SpinUntil(() => !IsServed(target), Patience);
        return "ok";
    }

    private static bool IsServed(string target) => System.IO.Directory.EnumerateDirectories("/proc").Any(process =>
    {
        try
        {
            return File.ReadAllText($"{process}/cmdline").Contains($"\0serve-union\0{target}\0", StringComparison.Ordinal)
                && File.ResolveLinkTarget($"{process}/ns/mnt", returnFinalTarget: false)?.Name == File.ResolveLinkTarget("/proc/thread-self/ns/mnt", returnFinalTarget: false)?.Name;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has ended meanwhile, or is none of ours.
            return false;
        }
    });

    // The message ends with the name of the error in brackets.
    private static string ErrorOf(string message)
    {
        var (open, close) = (message.LastIndexOf('('), message.LastIndexOf(')'));
        return open >= 0 && close > open ? message[(open + 1)..close] : $"failed: {message.Trim()}";
    }
}
