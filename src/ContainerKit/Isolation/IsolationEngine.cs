using System.Runtime.Versioning;

namespace ContainerKit.Isolation;

/// <summary>Starts isolated processes.</summary>
[SupportedOSPlatform("linux")]
internal sealed class IsolationEngine
{
    /// <param name="programDirectory">
    /// A directory (on a file system without noexec) for launch programs where the host forbids them in memory (sysctl vm.memfd_noexec=2).
    /// </param>
    public IsolationEngine(string? programDirectory = null) => ProgramDirectory = programDirectory;

    public string? ProgramDirectory { get; }

    /// <summary>Starts a container's first process; done when its program has begun to run.</summary>
    /// <exception cref="IsolationException">A step failed; <see cref="IsolationException.Step"/> names it.</exception>
    /// <exception cref="HostCapabilityException">This host cannot do what the specification asks for.</exception>
    public Task<IsolatedProcess> StartAsync(IsolationSpec spec, LaunchStreams streams, CancellationToken cancellationToken = default) =>
        throw new NotImplementedException(ProgramDirectory);
}
