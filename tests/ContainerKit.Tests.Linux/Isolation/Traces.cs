using System.Globalization;

namespace ContainerKit.Tests.Linux.Isolation;

/// <summary>What a launch could leave behind: open descriptors, children, and mounts of this process.</summary>
internal sealed record Traces(string Descriptors, string Children, int Mounts)
{
    /// <summary>The traces before what is tested, without what earlier tests left to the garbage collector.</summary>
    public static Traces Before()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return Take();
    }

    public static Traces Take() => new(
        string.Join(' ', Directory.GetFiles("/proc/self/fd").Select(LinkOf).Where(IsOfLaunch).GroupBy(kind => kind).Select(group => $"{group.Count()}*{group.Key}").Order()),
        string.Join(' ', ChildIds()),
        File.ReadAllLines("/proc/self/mountinfo").Length);

    /// <summary>The traces, once they are what was expected; those that are still there after some seconds, otherwise.</summary>
    public static Traces Settled
    {
        get
        {
            // Processes end, and descriptors of killed ones close, on another thread.
            var traces = Take();
            for (var i = 0; i < 50; i++)
            {
                Thread.Sleep(20);
                var next = Take();
                if (next == traces && i > 10)
                {
                    break;
                }

                traces = next;
            }

            return traces;
        }
    }

    // Assemblies and the runtime's own files come and go.
    private static bool IsOfLaunch(string link) => link is "pipe" or "anon_inode" or "socket" || link.Contains("memfd", StringComparison.Ordinal);

    private static string LinkOf(string path)
    {
        try
        {
            return File.ResolveLinkTarget(path, returnFinalTarget: false)?.Name.Split(':')[0] ?? "";
        }
        catch (IOException)
        {
            return "";
        }
    }

    private static IEnumerable<int> ChildIds()
    {
        return Directory.GetDirectories("/proc/self/task").Select(task => $"{task}/children").Where(File.Exists)
            .SelectMany(file => File.ReadAllText(file).Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Select(id => int.Parse(id, CultureInfo.InvariantCulture))
            .Order();
    }
}
