using System.Runtime.InteropServices;

namespace Ckit.CommandLine;

/// <summary>Ctrl-C and its kin: a request to give up, which leaves nothing half-done behind.</summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly IDisposable _registrations;

    public Interruption() => _registrations = Signals.Handle(signal =>
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

/// <summary>The signals by which users and supervisors end a program.</summary>
internal static class Signals
{
    public const int Kill = 9;

    private static readonly (PosixSignal Signal, int Number)[] Ending =
        [(PosixSignal.SIGHUP, 1), (PosixSignal.SIGINT, 2), (PosixSignal.SIGQUIT, 3), (PosixSignal.SIGTERM, 15)];

    /// <summary>Has something called with the number of each, in place of the end of this process.</summary>
    public static IDisposable Handle(Action<int> action) => new Registrations([.. Ending.Select(each => PosixSignalRegistration.Create(
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
