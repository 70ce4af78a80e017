using System.Runtime.Versioning;
using ContainerKit.Isolation;
using ContainerKit.Isolation.Cgroups;

namespace ContainerKit.Containers.Runs;

/// <summary>A further program in a running container, this process's child, with its pipes.</summary>
[SupportedOSPlatform("linux")]
internal sealed class JoinedProgram(IsolatedProcess process, Pipes pipes, ExecGroup? group, Action ended) : IAsyncDisposable
{
    private static readonly TimeSpan LongestEnd = TimeSpan.FromSeconds(30);

    public IsolatedProcess Process { get; } = process;

    public Pipes Pipes { get; } = pipes;

    /// <summary>Ends it, should it run still, with all that descends from it.</summary>
    public async ValueTask DisposeAsync()
    {
        // Given up, or too much to keep: what it has begun ends with it.
        if (!Process.WaitAsync().IsCompleted)
        {
            group?.Kill();
            Process.KillTree();
            await ((Task)Process.WaitAsync().WaitAsync(LongestEnd)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        group?.Dispose();
        ended();
        Process.Dispose();
        Pipes.Dispose();
    }
}
