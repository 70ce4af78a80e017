using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using ContainerKit.Benchmarks.SideBySide;

namespace ContainerKit.Benchmarks.CopyUp;

/// <summary>
/// What copying 2,000 small files up costs beside <c>cp -a --reflink=auto</c>, in processor time and managed memory: figures that hardly change with what else
/// the machine does, where a wait says little.
/// </summary>
[SupportedOSPlatform("linux")]
internal static class CopyUpCost
{
    private const int Self = 0, Children = -1;

    public static async Task RunAsync(int rounds, IEnumerable<string> kinds)
    {
        foreach (var kind in kinds)
        {
            await using var place = await Place.MakeAsync(kind);
            var branches = new Branches(place.Root);
            var paths = await LowerFiles.MakeAsync(branches.Lower, "4 KiB");
            var (cp, byPath, byInode) = (new Figures(), new Figures(), new Figures());
            for (var round = 0; round < rounds; round++)
            {
                await branches.EmptyAsync();
                var before = TimeOf(Children);
                await Contestant.ExecuteAsync("cp", "-a", "--reflink=auto", branches.Lower, branches.Copy);
                cp.Add(TimeOf(Children) - before, bytes: 0);

                await branches.EmptyAsync();
                using (var tree = branches.OpenTree())
                {
                    byPath.Measure(() => Branches.CopyUp(tree, paths));
                }

                await branches.EmptyAsync();
                using (var core = branches.OpenCore())
                {
                    var inodes = paths.Select(path => Branches.LookUp(core, path)).ToList();
                    byInode.Measure(() => Branches.CopyUp(core, inodes));
                }
            }

            Console.WriteLine($"{paths.Count} x 4 KiB on {kind}, {rounds} rounds");
            cp.Print("cp -a --reflink=auto", cp, paths.Count);
            byPath.Print("by path (container.Files)", cp, paths.Count);
            byInode.Print("by inode, looked up before", cp, paths.Count);
        }
    }

    /// <summary>Processor time, in milliseconds: all of it, and that which was not the kernel's.</summary>
    private static Time TimeOf(int who)
    {
        // struct rusage begins with two timevals, all of whose members have 64 bits here.
        var usage = new long[32];
        return GetResourceUsage(who, usage) == 0
            ? new Time(((usage[0] + usage[2]) * 1e3) + ((usage[1] + usage[3]) / 1e3), (usage[0] * 1e3) + (usage[1] / 1e3))
            : throw new InvalidOperationException("getrusage(2) failed.");
    }

    [DllImport("libc", EntryPoint = "getrusage")]
    private static extern int GetResourceUsage(int who, [Out] long[] usage);

    private readonly record struct Time(double All, double OutsideKernel)
    {
        public static Time operator -(Time end, Time start) => new(end.All - start.All, end.OutsideKernel - start.OutsideKernel);
    }

    private sealed class Figures
    {
        private readonly List<(Time Time, long Bytes)> _rounds = [];

        public void Add(Time time, long bytes) => _rounds.Add((time, bytes));

        public void Measure(Action work)
        {
            var (time, bytes) = (TimeOf(Self), GC.GetAllocatedBytesForCurrentThread());
            work();
            Add(TimeOf(Self) - time, GC.GetAllocatedBytesForCurrentThread() - bytes);
        }

        public void Print(string name, Figures beside, int files)
        {
            var (median, least) = (Of(0.5), Of(0));
            var outside = _rounds.Select(each => each.Time.OutsideKernel).Order().ElementAt(_rounds.Count / 2);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"  {name,-28} {median,6:F1} ms ({least:F1} at the least), {outside,5:F1} outside the kernel   {median / beside.Of(0.5):F2} ({least / beside.Of(0):F2})   {_rounds.Min(each => each.Bytes) / files} bytes a file"));
        }

        private double Of(double part) => _rounds.Select(each => each.Time.All).Order().ElementAt((int)(part * _rounds.Count));
    }
}
