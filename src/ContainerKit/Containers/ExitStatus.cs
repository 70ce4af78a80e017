namespace ContainerKit;

/// <summary>How a program in a container ended: with an exit code of its own, or by a signal. Exactly one of the two is set.</summary>
public sealed record ExitStatus
{
    internal ExitStatus(int? exitCode, int? signal, bool outOfMemory)
    {
        ExitCode = exitCode;
        Signal = signal;
        OutOfMemory = outOfMemory;
    }

    /// <summary>The code that the program exited with, 0 to 255; null when a signal ended it.</summary>
    public int? ExitCode { get; }

    /// <summary>The number of the signal that ended the program, such as 9 (SIGKILL); null when it exited by itself.</summary>
    public int? Signal { get; }

    /// <summary>Whether the kernel killed a process of the container because the memory limit was reached.</summary>
    public bool OutOfMemory { get; }

    /// <summary>Whether the program exited with code 0.</summary>
    public bool IsSuccess => ExitCode == 0;

    /// <summary>One number for both, as shells and docker print it: the exit code, or 128 plus the signal.</summary>
    public int ShellCode => ExitCode ?? 128 + Signal!.Value;

    /// <summary>A clause such as <c>exited with code 3</c> or <c>was ended by signal 9 (out of memory)</c>.</summary>
    public override string ToString() =>
        (ExitCode is { } code ? $"exited with code {code}" : $"was ended by signal {Signal}") + (OutOfMemory ? " (out of memory)" : "");
}

/// <summary>What a command that ran to its end left behind.</summary>
/// <param name="ExitStatus">How it ended.</param>
/// <param name="StandardOutput">Everything it wrote to standard output, read as UTF-8.</param>
/// <param name="StandardError">Everything it wrote to standard error, read as UTF-8.</param>
public sealed record CommandResult(ExitStatus ExitStatus, string StandardOutput, string StandardError);

/// <summary>One line that a container wrote.</summary>
/// <param name="IsError">Whether it came by standard error.</param>
/// <param name="Content">The line without its end, read as UTF-8.</param>
public readonly record struct OutputLine(bool IsError, string Content)
{
    /// <inheritdoc/>
    public override string ToString() => Content;
}

/// <summary>What <see cref="ContainerBuilder.RunAsync"/> makes of a program that does not exit with code 0.</summary>
public enum ExitCheck
{
    /// <summary>Anything but exit code 0 is a <see cref="CommandFailedException"/>. The default.</summary>
    ZeroExitCode,

    /// <summary>Every end is fine; the caller looks at <see cref="CommandResult.ExitStatus"/>.</summary>
    None,
}

/// <summary>Which network a container sees.</summary>
public enum NetworkMode
{
    /// <summary>A network of its own with nothing but loopback. The default.</summary>
    None,

    /// <summary>The host's own network, unisolated.</summary>
    Host,

    /// <summary>
    /// A network of its own, whose interface leads to a bridge that it shares with other containers. They find each other by name, and get out of the host
    /// by its address. Only root can have it.
    /// </summary>
    Bridge,

    /// <summary>
    /// A network of its own, out of which an ordinary user's connections go as that user's: pasta(1) carries them, which has to be installed and is started beside the container. It
    /// has the address 10.0.2.100, reaches what the host reaches, the host itself by its addresses (but not its loopback interface), and nobody reaches it but by published ports.
    /// Root has <see cref="Bridge"/> instead.
    /// </summary>
    Pasta,
}
