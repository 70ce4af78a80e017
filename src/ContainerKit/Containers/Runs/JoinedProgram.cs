using System.Runtime.Versioning;
using ContainerKit.Isolation;
using ContainerKit.Isolation.Cgroups;

namespace ContainerKit.Containers.Runs;

/// <summary>A further program in a running container, this process's child, with its pipes.</summary>
[SupportedOSPlatform("linux")]
internal sealed class JoinedProgram(IsolatedProcess process, Pipes pipes, ExecGroup? group, bool isKept, Action ended) : IAsyncDisposable
{
    private const int KillSignal = 9;

    private static readonly TimeSpan LongestEnd = TimeSpan.FromSeconds(30);

    public IsolatedProcess Process { get; } = process;

    public Pipes Pipes { get; } = pipes;

    /// <summary>Sends a signal to it and all that descends from it; one that ends, also to those that have lost their parents.</summary>
    public void SignalTree(int signal)
    {
        if (Process.WaitAsync().IsCompleted)
        {
            return;
        }

        if (signal == KillSignal)
        {
            group?.Kill();
        }

        // A keeper passes on what it gets, and is spared so that its program gets it once.
        Process.SignalTree(signal, sparesItself: isKept && signal != KillSignal);
    }

    /// <summary>Ends it, should it run still, with all that descends from it.</summary>
    public async ValueTask DisposeAsync()
    {
        // Given up, or too much to keep: what it has begun ends with it.
        if (!Process.WaitAsync().IsCompleted)
        {
            SignalTree(KillSignal);
            await ((Task)Process.WaitAsync().WaitAsync(LongestEnd)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        group?.Dispose();
        ended();
        Process.Dispose();
        Pipes.Dispose();
    }
}
