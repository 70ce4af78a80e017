using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Containers.Terminals;

/// <summary>A terminal that passes every key on, and is what it was before when this is disposed of, or when the process ends.</summary>
[SupportedOSPlatform("linux")]
internal sealed class RawMode : IDisposable
{
    private static readonly PosixSignal[] Ending = [PosixSignal.SIGHUP, PosixSignal.SIGINT, PosixSignal.SIGQUIT, PosixSignal.SIGTERM];

    private readonly SafeFileHandle _terminal;
    private readonly byte[] _before;
    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly Lock _gate = new();
    private bool _isRestored;

    private RawMode(SafeFileHandle terminal, byte[] before)
    {
        (_terminal, _before) = (terminal, before);
        AppDomain.CurrentDomain.ProcessExit += OnExit;
        AppDomain.CurrentDomain.UnhandledException += OnExit;
        var raw = TerminalCalls.MakeRaw(before);
        _registrations.AddRange(Ending.Select(signal => PosixSignalRegistration.Create(signal, OnSignal)));

        // Who stopped this process by a signal has used the terminal meanwhile, and so has the shell.
        _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGCONT, _ => Set(raw)));
        Set(raw);
    }

    /// <exception cref="LinuxException">It is no terminal, or does not let itself be changed.</exception>
    public static RawMode Enter(SafeFileHandle terminal) =>
        new(terminal, TerminalCalls.TryGetSettings(terminal) ?? throw new InvalidOperationException("The terminal cannot be attached: it is gone."));

    public void Dispose()
    {
        Restore();
        AppDomain.CurrentDomain.ProcessExit -= OnExit;
        AppDomain.CurrentDomain.UnhandledException -= OnExit;
        _registrations.ForEach(registration => registration.Dispose());
    }

    private void OnExit(object? sender, EventArgs e) => Restore();

    // Where a handler of the application's keeps the process alive, it stays attached, and the end of that restores it.
    private void OnSignal(PosixSignalContext context)
    {
        if (!context.Cancel)
        {
            Restore();
        }
    }

    private void Set(byte[] settings)
    {
        lock (_gate)
        {
            if (!_isRestored)
            {
                LinuxException.ThrowIf(TerminalCalls.Set(_terminal, settings), $"change the terminal's mode");
            }
        }
    }

    private void Restore()
    {
        lock (_gate)
        {
            if (!_isRestored)
            {
                // A terminal that has hung up has nothing to restore, and at the end of a process there is nobody to tell.
                _isRestored = true;
                _ = TerminalCalls.Set(_terminal, _before);
            }
        }
    }
}
