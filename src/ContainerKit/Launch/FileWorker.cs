using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace ContainerKit.Launch;

/// <summary>
/// A process inside a user namespace that makes file calls there: for trees whose files belong to ids that an ordinary user may not
/// act as, and that even root sees as nobody's from outside; or inside a network namespace, for its sockets. It ends with this process, at the latest.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class FileWorker : IDisposable
{
    private readonly SafeFileHandle _socket;
    private readonly LaunchedProcess _process;
    private readonly WorkerRequest _request;
    private readonly Lock _gate = new();
    private bool _isDisposed;

    private FileWorker(SafeFileHandle socket, LaunchedProcess process, FileWorkerProgram program)
    {
        _socket = socket;
        _process = process;
        _request = new WorkerRequest(program.Buffer.Address, program.Next.Address);
        Calls = new WorkerFileCalls(() => this);
    }

    /// <summary>The worker's number on the host.</summary>
    public int ProcessId => _process.ProcessId;

    /// <summary>The calls, made as the namespace's root.</summary>
    public FileCalls Calls { get; }

    /// <summary>Starts one in a user namespace of its own.</summary>
    /// <param name="map">Whose ids are whose in it.</param>
    /// <param name="programDirectory">Where launch programs go on hosts that forbid them in memory.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <param name="withNetwork">Whether it gets a network namespace of its own as well.</param>
    /// <exception cref="HostCapabilityException">The host grants no such namespace.</exception>
    public static Task<FileWorker> StartAsync(UserMap map, string? programDirectory, CancellationToken cancellationToken, bool withNetwork = false) => StartAsync(
        new FileWorkerProgram(setsGroups: !map.IsSingle, withNetwork: withNetwork),
        [],
        (socket, launcher, token) => IdMaps.GiveAsync(launcher, map, socket, token),
        programDirectory,
        cancellationToken);

    /// <summary>Starts one in the user namespace of a process: for file systems that only those who are in there may use.</summary>
    /// <param name="process">The process's handle.</param>
    /// <param name="isSingle">Whether that namespace has a single id.</param>
    /// <param name="programDirectory">Where launch programs go on hosts that forbid them in memory.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static Task<FileWorker> JoinAsync(SafeFileHandle process, bool isSingle, string? programDirectory, CancellationToken cancellationToken) =>
        StartAsync(new FileWorkerProgram(setsGroups: !isSingle, JoinedNamespaces.User), [process], null, programDirectory, cancellationToken);

    /// <summary>Starts one in the network namespace of a process: what it opens there belongs to that network, whoever uses it.</summary>
    /// <param name="process">The process's handle.</param>
    /// <param name="hasUserNamespace">Whether the process has a user namespace of its own; without its root's rights, nobody but the host's root may enter.</param>
    /// <param name="isSingle">Whether that namespace has a single id.</param>
    /// <param name="programDirectory">Where launch programs go on hosts that forbid them in memory.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static Task<FileWorker> JoinNetworkAsync(SafeFileHandle process, bool hasUserNamespace, bool isSingle, string? programDirectory, CancellationToken cancellationToken)
    {
        var joined = JoinedNamespaces.Network | (hasUserNamespace ? JoinedNamespaces.User : JoinedNamespaces.None);
        return StartAsync(new FileWorkerProgram(setsGroups: !isSingle, joined), [process], null, programDirectory, cancellationToken);
    }

    private static async Task<FileWorker> StartAsync(
        FileWorkerProgram program,
        SafeFileHandle[] others,
        Func<SafeFileHandle, int, CancellationToken, Task>? giveMaps,
        string? programDirectory,
        CancellationToken cancellationToken)
    {
        var (mine, theirs) = ProcessCalls.MakeSockets(keepsMessages: true);
        using (theirs)
        {
            using var nothing = File.OpenHandle("/dev/null", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            var request = new LaunchRequest(program.Program, [nothing, nothing, nothing], [theirs, .. others])
            {
                ProgramDirectory = programDirectory,
                GiveMaps = giveMaps is null ? null : (launcher, token) => giveMaps(mine, launcher, token),
            };
            try
            {
                var process = await Launcher.LaunchAsync(request, cancellationToken).ConfigureAwait(false);
                return new FileWorker(mine, process, program);
            }
            catch (LaunchFailedException e)
            {
                mine.Dispose();

                // The kernel's word for a limit of namespaces is that of a full disk.
                var reason = e.Errno == Errno.ENOSPC ? $"{e.Step?.Words}: no more of them are allowed" : e.Message.TrimEnd('.');
                throw new HostCapabilityException("user-namespaces", $"Cannot start a file worker in a user namespace: {reason}.", e)
                {
                    Hint = "The host must allow user namespaces: sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone.",
                };
            }
            catch
            {
                mine.Dispose();
                throw;
            }
        }
    }

    /// <summary>Has the worker perform a request.</summary>
    /// <param name="first">The descriptor that the request knows as 5; null for none.</param>
    /// <param name="second">The descriptor that the request knows as 6; null for none.</param>
    /// <param name="answer">What comes back after the result.</param>
    /// <param name="received">The descriptor that came back, if one did.</param>
    /// <param name="compose">Puts the request together.</param>
    /// <returns>The last call's result; negative for an error.</returns>
    public long Perform(SafeFileHandle? first, SafeFileHandle? second, Span<byte> answer, out SafeFileHandle? received, Action<WorkerRequest> compose)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            _request.Clear();
            compose(_request);
            Span<int> descriptors = stackalloc int[FileWorkerProgram.MostReceived];
            var count = 0;
            var (firstHeld, secondHeld) = (false, false);
            try
            {
                Hold(first, ref firstHeld, descriptors, ref count);
                Hold(second, ref secondHeld, descriptors, ref count);
                Send(_socket, _request.Content, descriptors[..count]);
            }
            finally
            {
                if (firstHeld)
                {
                    first!.DangerousRelease();
                }

                if (secondHeld)
                {
                    second!.DangerousRelease();
                }
            }

            return Receive(answer, out received);
        }
    }

    public void Dispose()
    {
        // Not while somebody talks to the worker: the socket's number would be another's already.
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
        }

        // The end of the socket is the end of the worker's loop.
        _socket.Dispose();
        using (_process.Handle)
        {
            ProcessCalls.Reap(_process.Handle);
        }
    }

    private static void Hold(SafeFileHandle? handle, ref bool held, Span<int> descriptors, ref int count)
    {
        if (handle is not null)
        {
            handle.DangerousAddRef(ref held);
            descriptors[count++] = (int)handle.DangerousGetHandle();
        }
    }

    private static unsafe void Send(SafeFileHandle socket, ReadOnlySpan<byte> content, ReadOnlySpan<int> descriptors)
    {
        var control = stackalloc byte[CMSG_SPACE(sizeof(int) * FileWorkerProgram.MostReceived)];
        msghdr message = default;
        iovec vector = default;
        fixed (byte* bytes = content)
        {
            vector.iov_base = bytes;
            vector.iov_len = (size_t)(ulong)content.Length;
            message.msg_iov = &vector;
            message.msg_iovlen = 1;
            if (!descriptors.IsEmpty)
            {
                var header = (cmsghdr*)control;
                header->cmsg_len = (socklen_t)(uint)CMSG_LEN(sizeof(int) * descriptors.Length);
                header->cmsg_level = SOL_SOCKET;
                header->cmsg_type = SCM_RIGHTS;
                descriptors.CopyTo(new Span<int>(CMSG_DATA(header), descriptors.Length));
                message.msg_control = control;
                message.msg_controllen = (socklen_t)(uint)CMSG_SPACE(sizeof(int) * descriptors.Length);
            }

            long result;
            do
            {
                result = sendmsg((int)socket.DangerousGetHandle(), &message, MSG_NOSIGNAL);
            }
            while (result < 0 && Marshal.GetLastPInvokeError() == Errno.EINTR);
            LinuxException.ThrowIf(result < 0 ? Marshal.GetLastPInvokeError() : 0, $"reach the file worker");
        }
    }

    private unsafe long Receive(Span<byte> answer, out SafeFileHandle? received)
    {
        const int controlSize = 24;
        var control = stackalloc byte[controlSize];
        msghdr message = default;
        var vectors = stackalloc iovec[2];
        long result = 0, count;
        fixed (byte* bytes = answer)
        {
            vectors[0] = new iovec { iov_base = &result, iov_len = (size_t)8UL };
            vectors[1] = new iovec { iov_base = bytes, iov_len = (size_t)(ulong)answer.Length };
            message.msg_iov = vectors;
            message.msg_iovlen = 2;
            message.msg_control = control;
            message.msg_controllen = (socklen_t)(uint)controlSize;
            do
            {
                count = recvmsg((int)_socket.DangerousGetHandle(), &message, MSG_CMSG_CLOEXEC);
            }
            while (count < 0 && Marshal.GetLastPInvokeError() == Errno.EINTR);
        }

        var header = (cmsghdr*)control;
        var hasDescriptor = count > 0 && (uint)message.msg_controllen >= 20 && header->cmsg_type == SCM_RIGHTS;
        received = hasDescriptor ? new SafeFileHandle(*(int*)CMSG_DATA(header), ownsHandle: true) : null;
        return count >= 8
            ? result
            : throw new LinuxException(count < 0 ? Marshal.GetLastPInvokeError() : Errno.EPIPE, "hear from the file worker");
    }
}
