using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Isolation;

/// <summary>
/// A process that runs isolated: pid 1 of a container, or one that joined it. When pid 1 ends, the kernel ends all others.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class IsolatedProcess : IDisposable
{
    /// <summary>Its number on the host.</summary>
    public int ProcessId { get; }

    /// <summary>A pidfd: pidfd_open(2). It stays this object's.</summary>
    public SafeFileHandle Handle { get; } = new();

    /// <summary>Waits for the end, as often as one likes; the first to be told reaps the process.</summary>
    public Task<ProcessEnd> WaitAsync(CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Sends a signal. One that comes after the end is ignored.</summary>
    public void Signal(int signal) => throw new NotImplementedException();

    /// <summary>Starts a further process in the same namespaces.</summary>
    /// <exception cref="IsolationException">A step failed; <see cref="IsolationException.Step"/> names it.</exception>
    public Task<IsolatedProcess> JoinAsync(ProcessSpec process, LaunchStreams streams, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Kills the process when it still runs, and lets go of it. Reaping goes on by itself.</summary>
    public void Dispose()
    {
    }
}

/// <summary>How a process ended: by its own exit code or by a signal.</summary>
internal readonly record struct ProcessEnd(int? ExitCode, int? Signal);

/// <summary>What a process gets as descriptors 0, 1 and 2; null means /dev/null. They stay the caller's, who closes them after the start.</summary>
internal sealed record LaunchStreams(SafeFileHandle? Input = null, SafeFileHandle? Output = null, SafeFileHandle? Error = null);
