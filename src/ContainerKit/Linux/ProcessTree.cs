using System.Globalization;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Linux;

/// <summary>Processes and all that descends from them, as /proc tells, stopped until this is disposed of. proc(5), <c>/proc/PID/task/TID/children</c></summary>
[SupportedOSPlatform("linux")]
internal sealed class ProcessTree : IDisposable
{
    private const int KillSignal = 9, ContinueSignal = 18, StopSignal = 19;
    private const int MostRounds = 100;

    private readonly Dictionary<int, SafeFileHandle> _processes = [];
    private readonly HashSet<int> _stoppedBefore = [];

    private ProcessTree()
    {
    }

    /// <summary>
    /// Stops every process of the trees. One that is born meanwhile is caught by the next round; a stopped one has no more children.
    /// </summary>
    /// <param name="roots">Processes whose numbers are their own for certain: nobody reaps them meanwhile.</param>
    /// <exception cref="LinuxException">One cannot be stopped, or they multiply faster than they can be.</exception>
    public static ProcessTree Stop(IEnumerable<int> roots)
    {
        var tree = new ProcessTree();
        try
        {
            tree.StopAll([.. roots]);
            return tree;
        }
        catch
        {
            tree.Dispose();
            throw;
        }
    }

    /// <summary>Kills a process with all that descends from it.</summary>
    /// <inheritdoc cref="Stop(IEnumerable{int})"/>
    public static void Kill(int root) => Signal([root], KillSignal, []);

    /// <summary>Sends a signal to processes and all that descends from them, while none of them can have a child.</summary>
    /// <param name="roots">As <see cref="Stop(IEnumerable{int})"/> has them.</param>
    /// <param name="signal">The signal. One that is handled is so when all have got it.</param>
    /// <param name="spared">Who does not get it, and all the same may have children that do.</param>
    /// <inheritdoc cref="Stop(IEnumerable{int})"/>
    public static void Signal(IEnumerable<int> roots, int signal, IReadOnlyCollection<int> spared)
    {
        using var tree = Stop(roots);
        foreach (var (number, process) in tree._processes)
        {
            if (!spared.Contains(number))
            {
                ProcessCalls.Signal(process, signal);
            }
        }
    }

    /// <summary>The number of a process's parent; null when there is no such process.</summary>
    public static int? ParentOf(int process) =>
        Read($"/proc/{process}/stat") is { } stat && stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, var parent, ..]
            ? int.Parse(parent, CultureInfo.InvariantCulture)
            : null;

    /// <summary>The numbers of a process's children.</summary>
    public static IReadOnlyList<int> FindChildren(int process) => ChildrenOf(process);

    public void Dispose()
    {
        foreach (var (number, process) in _processes)
        {
            // What the container had stopped itself stays stopped.
            if (!_stoppedBefore.Contains(number))
            {
                ProcessCalls.Signal(process, ContinueSignal);
            }

            process.Dispose();
        }

        _processes.Clear();
    }

    private void StopAll(int[] roots)
    {
        foreach (var root in roots)
        {
            Stop(root, ProcessCalls.OpenProcess(root));
        }

        for (var round = 0; round < MostRounds; round++)
        {
            var before = _processes.Count;
            foreach (var parent in _processes.Keys.ToArray())
            {
                StopChildrenOf(parent);
            }

            if (_processes.Count == before)
            {
                return;
            }
        }

        throw new LinuxException(Errno.EAGAIN, "stop all processes of a container, which multiply faster than they can be stopped");
    }

    private void StopChildrenOf(int parent)
    {
        foreach (var child in ChildrenOf(parent))
        {
            if (_processes.ContainsKey(child) || ProcessCalls.TryOpenProcess(child) is not { } process)
            {
                continue;
            }

            // Its number may have gone to a stranger before it was opened; a child still is one.
            if (ChildrenOf(parent).Contains(child))
            {
                Stop(child, process);
            }
            else
            {
                process.Dispose();
            }
        }
    }

    private void Stop(int number, SafeFileHandle process)
    {
        _processes[number] = process;
        if (IsStopped(number))
        {
            _stoppedBefore.Add(number);
        }

        ProcessCalls.Signal(process, StopSignal);
    }

    // The state follows the name, which is in parentheses and may hold anything.
    private static bool IsStopped(int process) =>
        Read($"/proc/{process}/stat") is { } stat && stat.AsSpan(stat.LastIndexOf(')') + 1).TrimStart() is ['T', ..];

    private static List<int> ChildrenOf(int process)
    {
        var children = new List<int>();
        try
        {
            foreach (var thread in Directory.EnumerateDirectories($"/proc/{process}/task"))
            {
                var text = Read(Path.Combine(thread, "children")) ?? "";
                children.AddRange(text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(id => int.Parse(id, CultureInfo.InvariantCulture)));
            }
        }
        catch (DirectoryNotFoundException)
        {
            // It ended meanwhile; its children have another parent now.
        }

        return children;
    }

    // Null when the process has ended: the file is gone, or reading it says that there is no such process.
    private static string? Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
