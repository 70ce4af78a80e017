using ContainerKit.Isolation;
using ContainerKit.Linux;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Isolation;

/// <summary>What a program in a container wrote, and how it ended.</summary>
internal sealed record SandboxResult(ProcessEnd End, string Output, string Error);

/// <summary>
/// A root file system of busybox alone, layers on top of it, and a way to run things in them: as root without a user namespace, as
/// an ordinary user in one with a single id.
/// </summary>
internal sealed class Sandbox : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public Sandbox()
    {
        Needs.Program("busybox");
        Needs.Overlay();
        Shell.Script(
            """
            mkdir -p "$1"/{lower/bin,lower/etc,lower/tmp,upper,work}
            cp "$2" "$1"/lower/bin/busybox
            for name in sh cat ls echo id true false sleep mount grep hostname readlink stat touch mkdir ip kill ps test pwd env wc head chmod ln df dd rm nc tty; do
                ln -s busybox "$1"/lower/bin/$name
            done
            printf 'root:x:0:0:root:/root:/bin/sh\n' > "$1"/lower/etc/passwd
            """,
            _directory.Path,
            HostPath.Find("busybox")!);
    }

    public string Path => _directory.Path;

    public string Lower => _directory["lower"];

    public string Upper => _directory["upper"];

    public IsolationEngine Engine { get; init; } = new();

    public static bool IsRoot => Environment.IsPrivilegedProcess;

    /// <summary>An overlay of the lower directory and, on top, the upper one.</summary>
    public Mount Overlay(params IEnumerable<string> more) => new(
        "overlay",
        "overlay",
        "/",
        [$"lowerdir={Lower}", $"upperdir={Upper}", $"workdir={_directory["work"]}", .. IsRoot ? [] : (string[])["userxattr"], .. more]);

    /// <summary>A container that runs a shell script, by default on the overlay, with everything of its own.</summary>
    public IsolationSpec Script(string script, ulong capabilities = 0xA80425FB) => new()
    {
        Root = [Overlay()],
        Process = Process(script) with { Capabilities = capabilities },
        Namespaces = IsRoot ? Namespaces.Default : Namespaces.Default | Namespaces.User,
        UserMappings = IsRoot ? [] : [new IdMapping(0, UserId, 1)],
        GroupMappings = IsRoot ? [] : [new IdMapping(0, GroupId, 1)],
        Hostname = "sandbox",
    };

    public static ProcessSpec Process(string script) => new()
    {
        Arguments = ["/bin/sh", "-c", script],
        Environment = ["PATH=/bin"],
        Capabilities = 0xA80425FB,
    };

    public static uint UserId => Tmds.Linux.LibC.getuid();

    public static uint GroupId => Tmds.Linux.LibC.getgid();

    /// <summary>Runs a container to its end.</summary>
    public Task<SandboxResult> RunAsync(IsolationSpec spec) => CaptureAsync(streams => Engine.StartAsync(spec, streams));

    public Task<SandboxResult> RunAsync(string script) => RunAsync(Script(script));

    /// <summary>Runs a further process in a container to its end.</summary>
    public static Task<SandboxResult> JoinAsync(IsolatedProcess container, ProcessSpec process) =>
        CaptureAsync(streams => container.JoinAsync(process, streams));

    public static Task<SandboxResult> JoinAsync(IsolatedProcess container, string script) => JoinAsync(container, Process(script));

    public void Dispose() => _directory.Dispose();

    private static async Task<SandboxResult> CaptureAsync(Func<LaunchStreams, Task<IsolatedProcess>> start)
    {
        var (output, outputEnd) = PipeStream.ForReading();
        var (error, errorEnd) = PipeStream.ForReading();
        await using var readingOutput = output;
        await using var readingError = error;
        IsolatedProcess process;
        using (outputEnd)
        using (errorEnd)
        {
            process = await start(new LaunchStreams(null, outputEnd, errorEnd));
        }

        using (process)
        using (var outputText = new StreamReader(output))
        using (var errorText = new StreamReader(error))
        {
            var both = await Task.WhenAll(outputText.ReadToEndAsync(), errorText.ReadToEndAsync());
            return new SandboxResult(await process.WaitAsync(), both[0].TrimEnd('\n'), both[1].TrimEnd('\n'));
        }
    }
}
