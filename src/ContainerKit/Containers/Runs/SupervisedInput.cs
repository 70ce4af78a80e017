using System.Runtime.Versioning;
using ContainerKit.Isolation;
using ContainerKit.Linux;

namespace ContainerKit.Containers.Runs;

/// <summary>The way to a detached program's standard input: a pipe that its supervisor holds open, so that it has no end while it runs.</summary>
[SupportedOSPlatform("linux")]
internal static class SupervisedInput
{
    /// <summary>Opens it; null where that supervisor has ended.</summary>
    public static Stream? TryOpen(ProcessIdentity supervisor)
    {
        // /proc leads to the pipe itself, by whatever process has it open: proc(5).
        var errno = FileCalls.Local.TryOpen(null, $"/proc/{supervisor.ProcessId}/fd/{SupervisorSteps.Input}", OpenFlags.Write | OpenFlags.NonBlocking, 0, Resolve.Host, out var pipe);
        if (errno is Errno.ENOENT or Errno.ESRCH)
        {
            return null;
        }

        LinuxException.ThrowIf(errno, $"open the standard input of a detached program");

        // Until now the number could have become another process's.
        if (ProcessIdentity.TryFind(supervisor.ProcessId) == supervisor)
        {
            return PipeStream.OfWriteEnd(pipe);
        }

        pipe.Dispose();
        return null;
    }
}
