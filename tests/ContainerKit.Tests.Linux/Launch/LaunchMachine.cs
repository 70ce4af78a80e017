using System.Runtime.InteropServices;
using System.Text;
using ContainerKit.Launch;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Launch;

/// <summary>
/// Runs launch programs of one architecture as any other program is run: from a file, by a shell, with standard output also as the
/// descriptor that they report on. What this processor does not understand, qemu plays.
/// </summary>
internal sealed class LaunchMachine : IDisposable
{
    private const string Qemu = "qemu-aarch64-static";

    private readonly TemporaryDirectory _directory;
    private readonly Architecture _architecture;
    private readonly bool _isEmulated;

    public LaunchMachine(Architecture architecture)
    {
        _architecture = architecture;
        _isEmulated = architecture != RuntimeInformation.ProcessArchitecture;
        Needs.That(!_isEmulated || architecture == Architecture.Arm64, $"this processor runs no {architecture} programs, and only arm64 is emulated");
        if (_isEmulated)
        {
            Needs.Program(Qemu);
        }

        _directory = new TemporaryDirectory();
    }

    public string Directory => _directory.Path;

    /// <summary>Runs a program to its end, for at most ten seconds: the exit code is 124 when it would not end.</summary>
    /// <param name="program">The program.</param>
    /// <param name="report">What the shell makes of descriptor 3.</param>
    public LaunchEnd Run(LaunchProgram program, string report = "3>&1")
    {
        var file = _directory["program"];
        File.WriteAllBytes(file, ElfImage.Write(program, _architecture));
        File.SetUnixFileMode(file, (UnixFileMode)0x1ED);
        var result = Shell.TryAsync(
            "timeout",
            ["10", "bash", "-c", $"exec \"$@\" {report}", "bash", .. _isEmulated ? [HostPath.Find(Qemu)!] : (string[])[], file],

            // Reports are bytes, and so is every character here.
            start => start.StandardOutputEncoding = Encoding.Latin1,
            CancellationToken.None).GetAwaiter().GetResult();
        return new LaunchEnd(result.ExitCode, result.Output);
    }

    public void Dispose() => _directory.Dispose();
}

/// <summary>How a launch program ended, and what it wrote.</summary>
internal sealed record LaunchEnd(int ExitCode, string Output)
{
    /// <summary>What it wrote, as a report: the index of a step and an error number.</summary>
    public (int Index, int Errno) Failure
    {
        get
        {
            var bytes = Encoding.Latin1.GetBytes(Output);
            return (BitConverter.ToInt32(bytes, 0), BitConverter.ToInt32(bytes, 4));
        }
    }
}
