using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;
using Raw = ContainerKit.Linux.LibC;

namespace ContainerKit.Launch;

/// <summary>
/// The one thread that starts programs, for as long as this process lives. A parent-death signal comes when the <em>thread</em>
/// ends that started the child (prctl(2), PR_SET_PDEATHSIG), and a thread of the pool ends when the pool thinks so.
/// </summary>
[SupportedOSPlatform("linux")]
internal static unsafe class Spawner
{
    // Waited for with Monitor, which sleeps at once: a BlockingCollection spins first, on the processor that the program could have.
    private static readonly Lazy<Queue<Request>> Requests = new(Begin);

    /// <summary>Starts a program.</summary>
    /// <param name="program">The executable's path on the host.</param>
    /// <param name="arguments">All arguments, the zeroth included.</param>
    /// <param name="descriptors">What the program gets as descriptors 0, 1, 2, … Their numbers must be high (<see cref="ProcessCalls.IsHigh"/>).</param>
    /// <returns>The process number. The caller waits for it.</returns>
    public static Task<int> StartAsync(string program, IReadOnlyList<string> arguments, IReadOnlyList<SafeFileHandle> descriptors)
    {
        var request = new Request(program, arguments, descriptors, new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously));
        var requests = Requests.Value;
        lock (requests)
        {
            requests.Enqueue(request);
            Monitor.Pulse(requests);
        }

        return request.Started.Task;
    }

    private static Queue<Request> Begin()
    {
        var requests = new Queue<Request>();
        new Thread(() => Run(requests)) { IsBackground = true, Name = "ContainerKit launches" }.Start();
        return requests;
    }

    private static void Run(Queue<Request> requests)
    {
        while (true)
        {
            var request = Take(requests);
            try
            {
                request.Started.SetResult(Spawn(request));
            }
#pragma warning disable CA1031 // Whatever goes wrong belongs to who asked; this thread must go on.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                request.Started.SetException(exception);
            }
        }
    }

    private static Request Take(Queue<Request> requests)
    {
        lock (requests)
        {
            Request? request;
            while (!requests.TryDequeue(out request))
            {
                Monitor.Wait(requests);
            }

            return request;
        }
    }

    private static int Spawn(Request request)
    {
        var actions = stackalloc byte[Raw.OpaqueSize];
        var attributes = stackalloc byte[Raw.OpaqueSize];
        var signals = stackalloc byte[Raw.OpaqueSize];
        var arguments = request.Arguments;
        var argv = stackalloc byte*[arguments.Count + 1];
        byte* environment = null;
        Check(Raw.posix_spawn_file_actions_init(actions));
        Check(Raw.posix_spawnattr_init(attributes));
        try
        {
            for (var i = 0; i < request.Descriptors.Count; i++)
            {
                Check(Raw.posix_spawn_file_actions_adddup2(actions, (int)request.Descriptors[i].DangerousGetHandle(), i));
            }

            // .NET ignores SIGPIPE and handles others; the program is to find all of it as a shell would leave it. (sigfillset(3) leaves
            // out two signals that libc keeps for itself, and those would be ignored in the program.)
            _ = Raw.sigemptyset(signals);
            Check(Raw.posix_spawnattr_setsigmask(attributes, signals));
            new Span<byte>(signals, Raw.OpaqueSize).Fill(0xFF);
            Check(Raw.posix_spawnattr_setsigdefault(attributes, signals));
            Check(Raw.posix_spawnattr_setflags(attributes, Raw.POSIX_SPAWN_SETSIGDEF | Raw.POSIX_SPAWN_SETSIGMASK));

            for (var i = 0; i < arguments.Count; i++)
            {
                argv[i] = (byte*)Marshal.StringToCoTaskMemUTF8(arguments[i]);
            }

            argv[arguments.Count] = null;
            int processId;
            fixed (byte* path = ((FileName)request.Program).Terminate(stackalloc byte[256]))
            {
                Check(Raw.posix_spawn(&processId, path, actions, attributes, argv, &environment), request.Program);
            }

            return processId;
        }
        finally
        {
            for (var i = 0; i < arguments.Count; i++)
            {
                Marshal.FreeCoTaskMem((nint)argv[i]);
            }

            _ = Raw.posix_spawn_file_actions_destroy(actions);
            _ = Raw.posix_spawnattr_destroy(attributes);
        }
    }

    private static void Check(int errno, string program = "a program") => LinuxException.ThrowIf(errno, $"start {program}");

    private sealed record Request(string Program, IReadOnlyList<string> Arguments, IReadOnlyList<SafeFileHandle> Descriptors, TaskCompletionSource<int> Started);
}
