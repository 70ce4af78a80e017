using System.Diagnostics;
using System.Runtime.InteropServices;
using Ckit.Output;

namespace Ckit.CommandLine;

/// <summary>
/// Mounts unions and serves them from a process of their own: this program again, which says that the mount is there, or why it is not, and then lets
/// go of whoever started it.
/// </summary>
internal static partial class UnionService
{
    /// <summary>The first argument of the serving process; nobody types it.</summary>
    public const string Name = "serve-union";

    private const string Done = "mounted";

    /// <summary>Starts the serving process and waits until the mount is there.</summary>
    /// <exception cref="UsageException">It cannot be mounted; the message is the serving process's.</exception>
    public static async Task<int> StartAsync(string mountPoint, string options, CancellationToken cancellationToken)
    {
        // All three: the runtime keeps copies of what a process begins with, and who reads our output to its end would wait for the server's.
        var start = new ProcessStartInfo(Environment.ProcessPath!, [Name, Path.GetFullPath(mountPoint), options])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var server = Process.Start(start)!;

        // One line and not to the end, for the same reason.
        var said = await server.StandardOutput.ReadLineAsync(cancellationToken) ?? "";
        return said == Done
            ? 0
            : throw new UsageException(said.Length > 0 ? said : $"Cannot mount on '{mountPoint}': the process that was to serve it ended without a word.");
    }

    /// <summary>What the serving process does.</summary>
    public static async Task<int> ServeAsync(string mountPoint, string options)
    {
        MountedUnion union;
        try
        {
            union = await MountedUnion.MountAsync(mountPoint, UnionMountOptions.Parse(options));
        }
        catch (Exception e) when (e is ContainerKitException or ArgumentException)
        {
            // mount(2) would say the same of options that it does not know.
            Say(e is ArgumentException && !e.Message.EndsWith("(ENOSPC).", StringComparison.Ordinal) ? $"{e.Message.TrimEnd('.')} (EINVAL)." : e.Message);
            return Failure.ExitCode;
        }

        await using (union)
        {
            using var ended = new SemaphoreSlim(0);
            using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => (signal.Cancel, _) = (true, ended.Release()));
            Say(Done);
            Detach();
            await Task.WhenAny(union.Unmounted, ended.WaitAsync());
        }

        return 0;
    }

    private static void Say(string sentence) => StandardOutput.PrintLine(sentence);

    // Of the caller's session nothing may stay: not its terminal, not its pipes, not the directory that it stands in.
    private static void Detach()
    {
        _ = setsid();
        Environment.CurrentDirectory = "/";
        var nowhere = open("/dev/null", 2);
        for (var descriptor = 0; descriptor <= 2; descriptor++)
        {
            _ = dup2(nowhere, descriptor);
        }

        _ = close(nowhere);
    }

    [LibraryImport("libc")]
    private static partial int setsid();

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc")]
    private static partial int dup2(int from, int to);

    [LibraryImport("libc")]
    private static partial int close(int descriptor);
}
