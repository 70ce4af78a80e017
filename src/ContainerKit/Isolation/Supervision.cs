using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Isolation;

/// <summary>What a supervisor is given.</summary>
internal sealed record Supervision
{
    /// <summary>What it does.</summary>
    public required SupervisorSpec Spec { get; init; }

    /// <summary>Where it keeps the log, and in the end the exit status. Stays the caller's.</summary>
    public required SafeFileHandle StateDirectory { get; init; }

    /// <summary>What it holds for as long as it lives: a lock lasts as long as anybody has the descriptor that it was taken on. Stay the caller's.</summary>
    public required IReadOnlyList<SafeFileHandle> Held { get; init; }

    /// <summary>Writes down which process supervises. Only then is anything begun that could outlive its host.</summary>
    public required Action<int> Known { get; init; }

    /// <summary>Sets up the network of the container's first process, before its program runs; null where loopback is all.</summary>
    public Func<int, SafeFileHandle, CancellationToken, Task>? Network { get; init; }
}

/// <summary>A container's first process, and the process that is its parent. Both handles are the receiver's.</summary>
internal sealed record SupervisedProcess(int ProcessId, SafeFileHandle Handle, int SupervisorId, SafeFileHandle Supervisor);
