namespace ContainerKit.Containers.Runs;

/// <summary>How long to wait before the next start: docker's pauses, for the runs that this process starts again. A supervisor has the same (<see cref="Isolation.RestartSteps"/>).</summary>
internal sealed class RestartPauses
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(100), Longest = TimeSpan.FromMinutes(1), RunThatCounts = TimeSpan.FromSeconds(10);

    private TimeSpan _next = First;

    /// <param name="lasted">How long the last run was.</param>
    public TimeSpan After(TimeSpan lasted)
    {
        var pause = lasted >= RunThatCounts ? First : _next;
        _next = pause * 2 < Longest ? pause * 2 : Longest;
        return pause;
    }
}
