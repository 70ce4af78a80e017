using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using ContainerKit.Containers.Terminals;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

// A container runs, and this is made, only on Linux.
#pragma warning disable CA1416

namespace ContainerKit;

/// <summary>
/// The terminal of this process, for programs in containers: <see cref="AttachAsync(RunningContainer, CancellationToken)"/> passes every key on, Ctrl-C and
/// Ctrl-Z among them, shows what the program writes, and follows the window's size. Afterwards the terminal is as it was.
/// </summary>
/// <remarks>
/// It is that also when this process ends by <see cref="Environment.Exit"/>, an exception, or a signal that can be handled. Only SIGKILL leaves it raw;
/// <c>stty sane</c> mends it then.
/// </remarks>
public sealed class ConsoleTerminal : IDisposable
{
    private const int StandardInput = 0, StandardOutput = 1;

    private readonly SafeFileHandle _input;
    private readonly SafeFileHandle _output;

    private ConsoleTerminal(SafeFileHandle input, SafeFileHandle output) => (_input, _output) = (input, output);

    /// <summary>Whether standard input is a terminal.</summary>
    public static bool IsAvailable => OperatingSystem.IsLinux() && IsTerminal(StandardInput);

    /// <summary>How large it is now; <see cref="TerminalSize.Usual"/> where it does not say.</summary>
    public TerminalSize Size => TerminalCalls.SizeOf(_output) ?? TerminalCalls.SizeOf(_input) ?? TerminalSize.Usual;

    /// <summary>The terminal that standard input is. What programs write goes to standard output.</summary>
    /// <exception cref="InvalidOperationException">It is none.</exception>
    public static ConsoleTerminal Open()
    {
        if (!OperatingSystem.IsLinux())
        {
            throw LinuxOnly.Refusal("Terminals are attached to containers");
        }

        return IsAvailable
            ? new ConsoleTerminal(Copy(StandardInput), Copy(StandardOutput))
            : throw new InvalidOperationException("The terminal cannot be attached: standard input is none.");
    }

    /// <summary>Attaches the terminal to a container's program until that ends.</summary>
    /// <param name="container">A container that has a terminal: <see cref="ContainerBuilder.WithTerminal(TerminalSize)"/>.</param>
    /// <param name="cancellationToken">Lets go of it; the program goes on.</param>
    /// <exception cref="InvalidOperationException">It has none.</exception>
    public async Task<ExitStatus> AttachAsync(RunningContainer container, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(container);
        await AttachAsync(container.StandardInput, container.StandardOutput, container.ResizeAsync, cancellationToken).ConfigureAwait(false);
        return await container.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Attaches the terminal to a further program in a container until that ends.</summary>
    /// <param name="process">A program that has a terminal: <see cref="ExecOptions.Terminal"/>.</param>
    /// <param name="cancellationToken">Lets go of it; the program goes on.</param>
    /// <exception cref="InvalidOperationException">It has none.</exception>
    public async Task<ExitStatus> AttachAsync(ContainerProcess process, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(process);

        // Asked before: what a program leaves behind in its terminal keeps that open, and is not waited for.
        var exit = process.WaitForExitAsync(cancellationToken);
        await AttachAsync(process.StandardInput, process.StandardOutput, process.ResizeAsync, cancellationToken).ConfigureAwait(false);
        return await exit.ConfigureAwait(false);
    }

    /// <summary>Closes this object; the terminal itself is the process's, and stays.</summary>
    public void Dispose()
    {
        _input.Dispose();
        _output.Dispose();
    }

    private async Task AttachAsync(Stream input, Stream output, Func<int, int, Task> resize, CancellationToken cancellationToken)
    {
        await FollowSize().ConfigureAwait(false);
        using var follower = PosixSignalRegistration.Create(PosixSignal.SIGWINCH, signal => FollowSize());
        using var raw = RawMode.Enter(_input);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var keys = Task.Run(() => ReadKeysAsync(input, ended.Token), CancellationToken.None);
        try
        {
            await Task.Run(() => ShowAsync(output, cancellationToken), CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
            await keys.ConfigureAwait(false);
        }

        Task FollowSize() => resize(Size.Columns, Size.Rows);
    }

    private async Task ReadKeysAsync(Stream program, CancellationToken cancellationToken)
    {
        var buffer = new byte[4096];
        try
        {
            // The terminal is asked only when there is something: a read that waits cannot be called off, and would take the next program's first key.
            using var registration = EventLoop.Shared.Watch(_input);
            while (true)
            {
                await registration.WaitAsync(forWriting: false, cancellationToken).ConfigureAwait(false);
                if (TerminalCalls.Read(_input, buffer) is not (var count and > 0))
                {
                    return;
                }

                await program.WriteAsync(buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or OperationCanceledException)
        {
            // The program has ended, or is let go of: what is typed from now on is somebody else's.
        }
    }

    private async Task ShowAsync(Stream program, CancellationToken cancellationToken)
    {
        var buffer = new byte[1 << 16];
        while (await program.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is var count and > 0)
        {
            for (var done = 0; done < count;)
            {
                if (TerminalCalls.TryWrite(_output, buffer.AsSpan(done, count - done)) is not { } written)
                {
                    using var registration = EventLoop.Shared.Watch(_output);
                    await registration.WaitAsync(forWriting: true, cancellationToken).ConfigureAwait(false);
                    continue;
                }

                done += written;
            }
        }
    }

    [SupportedOSPlatform("linux")]
    private static bool IsTerminal(int descriptor)
    {
        using var handle = new SafeFileHandle(descriptor, ownsHandle: false);
        return TerminalCalls.IsTerminal(handle);
    }

    [SupportedOSPlatform("linux")]
    private static SafeFileHandle Copy(int descriptor)
    {
        using var handle = new SafeFileHandle(descriptor, ownsHandle: false);
        return ProcessCalls.Raise(handle);
    }
}
