using System.Globalization;
using System.Runtime.Versioning;

namespace ContainerKit.Linux;

/// <summary>A process and all that descends from it, as /proc tells. proc(5), <c>/proc/PID/task/TID/children</c></summary>
[SupportedOSPlatform("linux")]
internal static class ProcessTree
{
    private const int StopSignal = 19;
    private const int ContinueSignal = 18;
    private const int MostRounds = 50;

    /// <summary>
    /// Stops every process of the trees, children first found included, until the answer is disposed of. A process that forks
    /// meanwhile is caught by the next round; a stopped one forks no more.
    /// </summary>
    public static IDisposable Stop(IEnumerable<int> roots)
    {
        var stopped = new List<int>();
        var seen = new HashSet<int>();
        for (var round = 0; round < MostRounds; round++)
        {
            var fresh = roots.SelectMany(WithDescendants).Where(seen.Add).ToArray();
            if (fresh.Length == 0)
            {
                break;
            }

            foreach (var process in fresh)
            {
                _ = Tmds.Linux.LibC.kill(process, StopSignal);
                stopped.Add(process);
            }
        }

        return new Stopped(stopped);
    }

    private static IEnumerable<int> WithDescendants(int process)
    {
        yield return process;
        foreach (var child in ChildrenOf(process).SelectMany(WithDescendants))
        {
            yield return child;
        }
    }

    private static List<int> ChildrenOf(int process)
    {
        var children = new List<int>();
        try
        {
            foreach (var thread in Directory.EnumerateDirectories($"/proc/{process}/task"))
            {
                var text = File.ReadAllText(Path.Combine(thread, "children"));
                children.AddRange(text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(id => int.Parse(id, CultureInfo.InvariantCulture)));
            }
        }
        catch (IOException)
        {
            // It ended meanwhile, and its children with it or before it.
        }

        return children;
    }

    private sealed class Stopped(List<int> processes) : IDisposable
    {
        public void Dispose()
        {
            foreach (var process in processes)
            {
                _ = Tmds.Linux.LibC.kill(process, ContinueSignal);
            }

            processes.Clear();
        }
    }
}
