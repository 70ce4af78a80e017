using System.Diagnostics;
using System.Globalization;

namespace ContainerKit.Benchmarks.Soak;

/// <summary>One number that must come back to what it was.</summary>
/// <param name="Name">What is counted.</param>
/// <param name="Count">How many there are.</param>
/// <param name="Slack">By how much it may have grown all the same: .NET's own threads and heaps come and go.</param>
internal sealed record Item(string Name, long Count, long Slack = 0);

/// <summary>What this process and its store have at one moment, of everything that a container could leave behind.</summary>
internal static class Inventory
{
    private const int MiB = 1 << 20;

    /// <summary>What is counted one by one.</summary>
    public static async Task<IReadOnlyList<Item>> CountAsync(ContainerHost host, SoakCycles cycles)
    {
        var bridges = new List<string>();
        await foreach (var network in host.Networks.ListAsync())
        {
            bridges.Add(network.Bridge);
        }

        return
        [
            CountDescriptors(),
            new("processes", Descendants()),
            new("threads", Directory.GetDirectories("/proc/self/task").Length, Slack: 24),
            new("mounts", File.ReadLines("/proc/self/mountinfo").Count(line => line.Contains(host.StoreDirectory, StringComparison.Ordinal))),
            new("control groups", ControlGroups().Count(name => cycles.HasMade(name))),
            new("interfaces", Interfaces(cycles, bridges)),
            new("tables of rules", Tables(bridges)),
            new("entries of the store", Directory.EnumerateFileSystemEntries(host.StoreDirectory, "*", Everything).Count()),
        ];
    }

    /// <summary>All but those of assemblies, which .NET opens when a method first needs one.</summary>
    public static Item CountDescriptors() => new("descriptors", Descriptors().Count());

    /// <summary>What memory there is when all garbage is collected.</summary>
    public static IReadOnlyList<Item> WeighMemory()
    {
        for (var i = 0; i < 2; i++)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }

        return
        [
            new("bytes of the managed heap", GC.GetTotalMemory(forceFullCollection: true), Slack: MiB / 2),
            new("bytes of memory of the process's own", Anonymous(), Slack: 16 * MiB),
        ];
    }

    /// <summary>What the whole machine has of network namespaces; null where only root can read it. Whatever else runs on it counts, too.</summary>
    public static long? NetworkNamespaces()
    {
        try
        {
            return File.ReadLines("/proc/slabinfo").FirstOrDefault(line => line.StartsWith("net_namespace ", StringComparison.Ordinal)) is { } line ? Number(line, 1) : null;
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>What there is more of than before, in words.</summary>
    public static IReadOnlyList<string> Grown(IEnumerable<Item> before, IEnumerable<Item> after) =>
        [.. before.Zip(after).Where(pair => pair.Second.Count > pair.First.Count + pair.First.Slack).Select(pair => $"{pair.First.Name}: {pair.First.Count} before, {pair.Second.Count} after")];

    /// <summary>What descriptors are of, one word for each, for whoever looks for a leak.</summary>
    public static IReadOnlyList<string> DescribeDescriptors() => [.. Descriptors().Select(target => target.Split('[')[0]).Order(StringComparer.Ordinal)];

    private static IEnumerable<string> Descriptors() => Directory.GetFileSystemEntries("/proc/self/fd").Select(path => new FileInfo(path).LinkTarget).OfType<string>()
        .Where(target => !target.EndsWith(".dll", StringComparison.Ordinal));

    private static EnumerationOptions Everything => new() { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint };

    private static long Anonymous() => File.ReadLines("/proc/self/status").First(line => line.StartsWith("RssAnon:", StringComparison.Ordinal)) is var line ? Number(line, 1) << 10 : 0;

    private static long Number(string line, int field) => long.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[field], CultureInfo.InvariantCulture);

    // Children and theirs, zombies included: detached containers' supervisors, workers, whatever was forgotten.
    private static int Descendants()
    {
        var parents = new Dictionary<int, int>();
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory), out var process) && ReadStat(directory) is { } stat)
            {
                parents[process] = int.Parse(stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
            }
        }

        return parents.Keys.Count(process => IsBelow(process, parents));
    }

    private static bool IsBelow(int process, Dictionary<int, int> parents)
    {
        while (parents.TryGetValue(process, out var parent))
        {
            if (parent == Environment.ProcessId)
            {
                return true;
            }

            process = parent;
        }

        return false;
    }

    private static string? ReadStat(string directory)
    {
        try
        {
            return File.ReadAllText(Path.Combine(directory, "stat"));
        }
        catch (IOException)
        {
            // It has ended meanwhile.
            return null;
        }
    }

    private static IEnumerable<string> ControlGroups() => Directory.Exists("/sys/fs/cgroup")
        ? Directory.EnumerateDirectories("/sys/fs/cgroup", "*", Everything).Select(path => Path.GetFileName(path))
        : [];

    private static int Interfaces(SoakCycles cycles, List<string> bridges) => Directory.EnumerateFileSystemEntries("/sys/class/net").Select(path => Path.GetFileName(path))
        .Count(name => bridges.Contains(name) || (name.StartsWith("ckv", StringComparison.Ordinal) && cycles.HasMadeShort(name[3..])));

    // The table of a network is named by the same digits as its bridge. Without nft(8), or without rights, there is none to be seen.
    private static int Tables(List<string> bridges)
    {
        if (!Environment.IsPrivilegedProcess || ((string[])["/usr/sbin/nft", "/sbin/nft"]).FirstOrDefault(File.Exists) is not { } nft)
        {
            return 0;
        }

        using var process = Process.Start(new ProcessStartInfo(nft, ["list", "tables"]) { RedirectStandardOutput = true })!;
        using var output = process.StandardOutput;
        var tables = output.ReadToEnd();
        process.WaitForExit();
        return bridges.Count(bridge => tables.Contains(bridge[(bridge.IndexOf('-', StringComparison.Ordinal) + 1)..], StringComparison.Ordinal));
    }
}
