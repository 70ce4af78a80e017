using Ckit.CommandLine;

namespace Ckit.Commands;

/// <summary>Passes the signals that ask ckit to end on to the container's program, which may have things to finish.</summary>
internal static class SignalForwarding
{
    // As pid 1 a program is deaf to signals that it does not handle. Who asks three times wants an end, as with docker.
    private const int Patience = 3;

    public static IDisposable To(RunningContainer running)
    {
        var asked = 0;
        return Signals.Handle(signal => running.KillAsync(Interlocked.Increment(ref asked) < Patience ? signal : Signals.Kill));
    }
}
