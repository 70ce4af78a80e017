using System.Runtime.Versioning;
using ContainerKit.Isolation;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Containers.Runs;

/// <summary>The three pipes between this process and a program, seen from both sides.</summary>
[SupportedOSPlatform("linux")]
internal sealed class Pipes : IDisposable
{
    private Pipes((PipeStream, SafeFileHandle) input, (PipeStream, SafeFileHandle) output, (PipeStream, SafeFileHandle) error) =>
        (Input, Output, Error) = (input, output, error);

    public (PipeStream Mine, SafeFileHandle Theirs) Input { get; }

    public (PipeStream Mine, SafeFileHandle Theirs) Output { get; }

    public (PipeStream Mine, SafeFileHandle Theirs) Error { get; }

    public LaunchStreams Theirs => new(Input.Theirs, Output.Theirs, Error.Theirs);

    public static Pipes Open() => new(PipeStream.ForWriting(), PipeStream.ForReading(), PipeStream.ForReading());

    /// <summary>Once the program has its own copies: while ours are open, no pipe comes to its end.</summary>
    public void CloseTheirs()
    {
        Input.Theirs.Dispose();
        Output.Theirs.Dispose();
        Error.Theirs.Dispose();
    }

    public void Dispose()
    {
        CloseTheirs();
        Input.Mine.Dispose();
        Output.Mine.Dispose();
        Error.Mine.Dispose();
    }
}
