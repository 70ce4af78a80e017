using Ckit.Output;
using Microsoft.Extensions.Logging;

namespace Ckit.CommandLine;

/// <summary>Writes the library's events to standard error, one line each.</summary>
internal sealed class StandardErrorLogger : ILoggerFactory, ILogger
{
    private readonly LogLevel _least;

    private StandardErrorLogger(LogLevel least) => _least = least;

    /// <exception cref="UsageException">There is no such level.</exception>
    public static StandardErrorLogger Create(string level) => new(level.ToLowerInvariant() switch
    {
        "trace" => LogLevel.Trace,
        "debug" => LogLevel.Debug,
        "info" or "information" => LogLevel.Information,
        "warn" or "warning" => LogLevel.Warning,
        "error" => LogLevel.Error,
        "fatal" or "critical" => LogLevel.Critical,
        _ => throw new UsageException($"There is no log level '{level}'; there are trace, debug, info, warn and error."),
    });

    public ILogger CreateLogger(string categoryName) => this;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= _least;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel))
        {
            StandardError.WriteLine($"{DateTime.UtcNow:HH:mm:ss.fff} {logLevel.ToString().ToLowerInvariant()} {formatter(state, exception)}");
        }
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void AddProvider(ILoggerProvider provider)
    {
        // There is one way out, standard error.
    }

    public void Dispose()
    {
        // Nothing is held.
    }
}
