using Ckit.CommandLine;

namespace Ckit.Commands;

/// <summary>Passes the signals that come to ckit on to the container's program: it may have things to finish, or to do.</summary>
internal sealed class SignalForwarding : IDisposable
{
    // As pid 1 a program is deaf to signals that it does not handle. Who asks three times wants an end, as with docker.
    private const int Patience = 3;

    private readonly IDisposable _ending;
    private readonly IDisposable _telling;
    private int _asked;

    private SignalForwarding(Func<int, Task> kill)
    {
        _ending = Signals.HandleEnding(signal => kill(Interlocked.Increment(ref _asked) < Patience ? signal : Signals.Kill));
        _telling = Signals.HandleTelling(signal => kill(signal));
    }

    public static IDisposable To(Func<int, Task> kill) => new SignalForwarding(kill);

    public void Dispose()
    {
        _telling.Dispose();
        _ending.Dispose();
    }
}
