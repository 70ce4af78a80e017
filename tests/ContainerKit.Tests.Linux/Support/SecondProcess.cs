using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace ContainerKit.Tests.Linux.Support;

/// <summary>
/// A part of a test in a process of its own, so that it can be killed: this assembly is started once more, and does what it is
/// told before anything else.
/// </summary>
internal sealed class SecondProcess : IDisposable
{
    private const string Variable = "CONTAINERKIT_TEST_PART";

    private static readonly Dictionary<string, Action<string[]>> Parts = new()
    {
        [nameof(Containers.Runs.HostDeathTests.StartForever)] = Containers.Runs.HostDeathTests.StartForever,
        [nameof(Containers.Runs.DetachedTests.StartDetached)] = Containers.Runs.DetachedTests.StartDetached,
        [nameof(Containers.Runs.DetachedTests.StartAttached)] = Containers.Runs.DetachedTests.StartAttached,
        [nameof(Containers.Runs.RestartTests.StartAlways)] = Containers.Runs.RestartTests.StartAlways,
        [nameof(Containers.Runs.DetachedTests.DetachForever)] = Containers.Runs.DetachedTests.DetachForever,
        [nameof(Containers.Layering.ForkTests.ForkForever)] = Containers.Layering.ForkTests.ForkForever,
        [nameof(Containers.StoreTortureTests.WorkForAWhile)] = Containers.StoreTortureTests.WorkForAWhile,
        [nameof(Containers.Inspection.RepairTests.RepairOnce)] = Containers.Inspection.RepairTests.RepairOnce,
        [nameof(Containers.Layering.LiveForkTests.ForkLiveForever)] = Containers.Layering.LiveForkTests.ForkLiveForever,
        [nameof(Containers.Volumes.VolumeLifeTests.FillOnce)] = Containers.Volumes.VolumeLifeTests.FillOnce,
        [nameof(Images.ImageLeaseTests.HoldForever)] = Images.ImageLeaseTests.HoldForever,
        [nameof(Networking.BridgeTests.JoinForever)] = Networking.BridgeTests.JoinForever,
        [nameof(Networking.PastaTests.StartPasta)] = Networking.PastaTests.StartPasta,
        [nameof(Networking.PublishedPortTests.PublishForever)] = Networking.PublishedPortTests.PublishForever,
        [nameof(Registry.PullCrashTests.PullOnce)] = Registry.PullCrashTests.PullOnce,
        [nameof(Storage.Union.CopyUpCrashTests.CopyUpOnce)] = Storage.Union.CopyUpCrashTests.CopyUpOnce,
        [nameof(Storage.CrashTests.UnpackForever)] = Storage.CrashTests.UnpackForever,
        [nameof(Storage.CrashTests.EditForever)] = Storage.CrashTests.EditForever,
        [nameof(Storage.SnapshotStoreTests.PrepareMany)] = Storage.SnapshotStoreTests.PrepareMany,
    };

    private readonly Process _process;

    /// <param name="part">The name of one of the parts above.</param>
    /// <param name="arguments">What it is given.</param>
    public SecondProcess(string part, params string[] arguments)
        : this(part, [], arguments)
    {
    }

    /// <summary>The same, started by another program.</summary>
    /// <param name="part">The name of one of the parts above.</param>
    /// <param name="starter">That program and its arguments, to which the command line of this one is added.</param>
    /// <param name="arguments">What it is given.</param>
    public SecondProcess(string part, IReadOnlyList<string> starter, params string[] arguments)
    {
        IReadOnlyList<string> command = [.. starter, "dotnet", "exec", typeof(SecondProcess).Assembly.Location, .. arguments];
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { [Variable] = part },
        };
        _process = Process.Start(start)!;
    }

    /// <summary>The next line that it writes; null when it has ended.</summary>
    public string? ReadLine() => _process.StandardOutput.ReadLine();

    /// <summary>Ends it as nothing can resist, and gives what it had written by then.</summary>
    public IReadOnlyList<string> Kill()
    {
        _process.Kill();
        var rest = _process.StandardOutput.ReadToEnd();
        _process.WaitForExit();

        // What follows the last line's end was not reported yet.
        return [.. rest.Split('\n')[..^1]];
    }

    /// <summary>Waits for its end; it may not write much.</summary>
    /// <returns>Its exit code.</returns>
    public int WaitForExit()
    {
        _process.WaitForExit();
        return _process.ExitCode;
    }

    /// <summary>Waits for its end.</summary>
    /// <returns>All that it wrote.</returns>
    public string WaitForOutput()
    {
        var output = _process.StandardOutput.ReadToEnd();
        var errors = _process.StandardError.ReadToEnd();
        _process.WaitForExit();
        return _process.ExitCode == 0 ? output : throw new InvalidOperationException(errors);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    [ModuleInitializer]
    internal static void DoPartIfTold()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } part)
        {
            return;
        }

        Parts[part](Environment.GetCommandLineArgs()[1..]);
        Environment.Exit(Environment.ExitCode);
    }
}
