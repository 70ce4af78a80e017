using System.Runtime.Versioning;
using System.Text;
using ContainerKit.Launch;
using ContainerKit.Linux;
using Microsoft.Extensions.Logging;

namespace ContainerKit.Networking.Pasta;

/// <summary>
/// One container's pasta(1): it joins the container's namespaces, gives them an interface, and carries what leaves by that as connections of this user's own. It runs outside of
/// the container, as long as this object, and the kernel ends it with this process.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class PastaProcess : IDisposable
{
    private const uint FifoMode = 0x1180;
    private const int MostErrorBytes = 4096;
    private static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(20);

    private readonly LaunchedProcess _process;
    private readonly PipeStream _errors;
    private readonly StringBuilder _said = new();
    private readonly Lock _gate = new();
    private bool _isReaped;
    private bool _isDisposed;

    private PastaProcess(LaunchedProcess process, PipeStream errors)
    {
        (_process, _errors) = (process, errors);
        Ended = ReapAsync(ListenAsync());
    }

    public int ProcessId => _process.ProcessId;

    /// <summary>Completes when it has ended and been reaped.</summary>
    public Task Ended { get; }

    /// <summary>Starts one; done when the container has its interface.</summary>
    /// <param name="program">Its path.</param>
    /// <param name="owner">What messages call the container.</param>
    /// <param name="directory">A directory of this user's own, where it says that it is ready.</param>
    /// <param name="processId">The container's first process, which shows its namespaces to this user just now.</param>
    /// <param name="programDirectory">Where launch programs go on hosts that forbid them in memory.</param>
    /// <param name="logger">Hears when it ends too early.</param>
    /// <param name="cancellationToken">Gives up; nothing runs then.</param>
    /// <exception cref="NetworkException">It ended, or was not ready in time.</exception>
    public static async Task<PastaProcess> StartAsync(
        string program, string owner, string directory, int processId, string? programDirectory, ILogger logger, CancellationToken cancellationToken)
    {
        using var parent = RootedDirectory.Open(directory);
        const string name = "pasta";
        var path = Path.Combine(directory, name);
        File.Delete(path);
        FileCalls.Local.MakeNode(parent.Handle, name, FifoMode);
        PastaProcess? pasta = null;
        try
        {
            // Open for writing, too: so it has no end before somebody has come.
            using var ready = FileCalls.Local.Open(parent.Handle, name, OpenFlags.ReadWrite | OpenFlags.NonBlocking, resolve: Resolve.NoSymlinks);
            using var readiness = EventLoop.Shared.Watch(ready);
            pasta = await LaunchAsync(program, PastaProgram.Arguments(processId, path), programDirectory, cancellationToken).ConfigureAwait(false);
            var isReady = readiness.WaitAsync(forWriting: false, cancellationToken);
            var first = await Task.WhenAny(isReady, pasta.Ended, Task.Delay(LongestStart, cancellationToken)).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            if (first != isReady)
            {
                throw new NetworkException($"The container '{owner}' cannot have NetworkMode.Pasta: {pasta.WhyNotReady(first == pasta.Ended)}.")
                {
                    Hint = "pasta takes addresses and routes from the host's interface with the default route; it needs one.",
                };
            }

            pasta.Follow(owner, logger);
            return pasta;
        }
        catch (LaunchFailedException e)
        {
            throw new NetworkException($"The container '{owner}' cannot have NetworkMode.Pasta: {e.Message.TrimEnd('.')}.", e);
        }
        catch
        {
            pasta?.Dispose();
            throw;
        }
        finally
        {
            File.Delete(path);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            if (!_isReaped)
            {
                ProcessCalls.Signal(_process.Handle, LibC.SIGKILL);
            }
        }
    }

    private static async Task<PastaProcess> LaunchAsync(string program, IReadOnlyList<string> arguments, string? programDirectory, CancellationToken cancellationToken)
    {
        var (errors, theirs) = PipeStream.ForReading();
        try
        {
            using (theirs)
            {
                using var nothing = FileCalls.Local.Open(null, "/dev/null", OpenFlags.ReadWrite, resolve: Resolve.Host);
                var request = new LaunchRequest(CompanionProgram.Make(program, arguments), [nothing, nothing, theirs], []) { ProgramDirectory = programDirectory };
                return new PastaProcess(await Launcher.LaunchAsync(request, cancellationToken).ConfigureAwait(false), errors);
            }
        }
        catch
        {
            errors.Dispose();
            throw;
        }
    }

    private string WhyNotReady(bool hasEnded)
    {
        lock (_gate)
        {
            return PastaProgram.Complaint(_said.ToString()) is { Length: > 0 } complaint ? $"pasta says: {complaint.TrimEnd('.')}"
                : hasEnded ? "pasta ended without a word" : $"pasta was not ready after {LongestStart.TotalSeconds:0} s";
        }
    }

    // A container that has lost it goes on, and reaches nobody outside.
    private void Follow(string owner, ILogger logger) => Ended.ContinueWith(
        _ =>
        {
            lock (_gate)
            {
                if (!_isDisposed)
                {
                    logger.PastaEnded(owner, PastaProgram.Complaint(_said.ToString()));
                }
            }
        },
        CancellationToken.None,
        TaskContinuationOptions.None,
        TaskScheduler.Default);

    // Whatever it complains about later must not make it wait for a reader.
    private async Task ListenAsync()
    {
        var buffer = new byte[1024];
        try
        {
            while (await _errors.ReadAsync(buffer).ConfigureAwait(false) is var count and > 0)
            {
                lock (_gate)
                {
                    _said.Append(Encoding.UTF8.GetString(buffer, 0, count));
                    _said.Remove(0, Math.Max(0, _said.Length - MostErrorBytes));
                }
            }
        }
        finally
        {
            await _errors.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task ReapAsync(Task listening)
    {
        using (var registration = EventLoop.Shared.Watch(_process.Handle))
        {
            await registration.WaitAsync(forWriting: false, CancellationToken.None).ConfigureAwait(false);
        }

        lock (_gate)
        {
            _isReaped = true;
            ProcessCalls.Reap(_process.Handle);
            _process.Handle.Dispose();
        }

        _errors.EndWhenEmpty();
        await listening.ConfigureAwait(false);
    }
}
