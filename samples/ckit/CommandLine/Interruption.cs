using System.Runtime.InteropServices;

namespace Ckit.CommandLine;

/// <summary>Ctrl-C and its kin: a request to give up, which leaves nothing half-done behind.</summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly IDisposable _registrations;

    public Interruption() => _registrations = Signals.HandleEnding(signal =>
    {
        Signal ??= signal;
        _source.Cancel();
    });

    public CancellationToken Token => _source.Token;

    /// <summary>The number of the first signal that came; null when none has.</summary>
    public int? Signal { get; private set; }

    public void Dispose()
    {
        _registrations.Dispose();
        _source.Dispose();
    }
}

/// <summary>The signals that ckit does something about.</summary>
internal static class Signals
{
    public const int Kill = 9;

    private static readonly (PosixSignal Signal, int Number)[] Ending =
        [(PosixSignal.SIGHUP, 1), (PosixSignal.SIGINT, 2), (PosixSignal.SIGQUIT, 3), (PosixSignal.SIGTERM, 15)];

    // SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH. .NET has no names for the first two, and takes Linux's own numbers as well.
    private static readonly (PosixSignal Signal, int Number)[] Telling = [.. ((int[])[10, 12, 18, 28]).Select(number => ((PosixSignal)number, number))];

    /// <summary>Has something called with the number of each by which users and supervisors end a program, in place of the end of this process.</summary>
    public static IDisposable HandleEnding(Action<int> action) => Handle(Ending, action);

    /// <summary>Has something called with the number of each that tells a program something else.</summary>
    public static IDisposable HandleTelling(Action<int> action) => Handle(Telling, action);

    private static Registrations Handle((PosixSignal Signal, int Number)[] signals, Action<int> action) => new([.. signals.Select(each => PosixSignalRegistration.Create(
        each.Signal,
        context =>
        {
            context.Cancel = true;
            action(each.Number);
        }))]);

    private sealed class Registrations(PosixSignalRegistration[] all) : IDisposable
    {
        public void Dispose() => Array.ForEach(all, registration => registration.Dispose());
    }
}
