using System.Globalization;
using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;
using static Tmds.Linux.LibC;

namespace ContainerKit.Isolation.Cgroups;

/// <summary>The processes of a group, and what can be done to all of them at once.</summary>
[SupportedOSPlatform("linux")]
internal static class CgroupProcesses
{
    private const int MostRounds = 100;

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(0.5), LongestPause = TimeSpan.FromMilliseconds(20);

    /// <summary>The processes of a group, without those of groups below it.</summary>
    public static IReadOnlyList<int> List(string directory) =>
        [.. CgroupFile.ReadWords(directory, "cgroup.procs").Select(p => int.Parse(p, CultureInfo.InvariantCulture)).Where(p => p > 0)];

    /// <summary>A group and all below it, those below first.</summary>
    public static IEnumerable<string> WithGroupsBelow(string directory)
    {
        string[] below;
        try
        {
            below = Directory.GetDirectories(directory);
        }
        catch (IOException)
        {
            below = [];
        }

        return below.SelectMany(WithGroupsBelow).Append(directory);
    }

    /// <summary>Kills all, again and again until none is left or patience is over. True when none is left.</summary>
    public static bool KillAll(string directory, CgroupVersion version, TimeSpan patience) => Retry(patience, () =>
    {
        if (version == CgroupVersion.V2 && CgroupFile.Exists(directory, "cgroup.kill"))
        {
            CgroupFile.Write(directory, "cgroup.kill", "1");
        }
        else
        {
            // Version 1 has no such file. A process that forks meanwhile is met in the next round.
            foreach (var group in WithGroupsBelow(directory))
            {
                KillListed(group);
            }
        }

        return WithGroupsBelow(directory).All(g => List(g).Count == 0);
    });

    /// <summary>Removes a group and all below it. The kernel says "busy" until the last process is wholly gone, and tells nobody when that is.</summary>
    public static bool Remove(string directory, TimeSpan patience) => Retry(patience, () =>
    {
        foreach (var group in WithGroupsBelow(directory))
        {
            TryRemoveDirectory(group);
        }

        return !Directory.Exists(directory);
    });

    /// <summary>Moves every process of a group into another of the same tree or of another tree, until no stranger is left.</summary>
    public static void MoveAll(string from, string to)
    {
        for (var round = 0; round < MostRounds; round++)
        {
            var there = List(to).ToHashSet();
            var missing = List(from).Where(p => !there.Contains(p)).ToList();
            if (missing.Count == 0)
            {
                return;
            }

            foreach (var process in missing)
            {
                try
                {
                    CgroupFile.Write(to, "cgroup.procs", process.ToString(CultureInfo.InvariantCulture));
                }
                catch (LinuxException e) when (e.Errno == Errno.ESRCH)
                {
                    // It ended.
                    continue;
                }
            }
        }
    }

    public static unsafe void TryRemoveDirectory(string directory)
    {
        fixed (byte* path = (byte[])[.. LinuxPath.Encode(directory), 0])
        {
            _ = rmdir(path);
        }
    }

    /// <summary>Waits for what the kernel gives no event for: at first often, then every 20 ms, until it is so or time is up.</summary>
    public static bool Retry(TimeSpan patience, Func<bool> isDone)
    {
        var end = DateTime.UtcNow + patience;
        for (var pause = FirstPause; !isDone(); pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, LongestPause.Ticks)))
        {
            if (DateTime.UtcNow >= end)
            {
                return false;
            }

            Thread.Sleep(pause);
        }

        return true;
    }

    // A number read may since have become somebody else's. A handle sticks to its process; who is still listed after it was opened is ours.
    private static void KillListed(string directory)
    {
        var handles = new Dictionary<int, SafeFileHandle>();
        try
        {
            foreach (var process in List(directory))
            {
                if (TryOpenProcess(process) is { } handle)
                {
                    handles[process] = handle;
                }
            }

            foreach (var process in List(directory))
            {
                if (handles.TryGetValue(process, out var handle))
                {
                    ProcessCalls.Signal(handle, SIGKILL);
                }
            }
        }
        finally
        {
            foreach (var handle in handles.Values)
            {
                handle.Dispose();
            }
        }
    }

    private static SafeFileHandle? TryOpenProcess(int process)
    {
        try
        {
            return ProcessCalls.OpenProcess(process);
        }
        catch (LinuxException e) when (e.Errno == Errno.ESRCH)
        {
            return null;
        }
    }
}
