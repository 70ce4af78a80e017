using System.Diagnostics;

namespace ContainerKit.Benchmarks.Soak;

/// <summary>
/// Very many containers of all kinds, a few at once, and what there is more of afterwards than before. What is counted (descriptors, processes, mounts…)
/// must be what it was after the warm-up; memory is compared with what it was half way, when heaps have their size.
/// </summary>
internal static class SoakRun
{
    public const int AtOnce = 4;

    // The last processes and namespaces end behind those who wait for them.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <param name="directory">An empty directory for the store.</param>
    /// <param name="cycles">How many containers.</param>
    /// <param name="say">Hears how it goes.</param>
    /// <returns>What has grown; nothing, if all is well.</returns>
    public static async Task<IReadOnlyList<string>> RunAsync(string directory, int cycles, Action<string> say)
    {
        await using var host = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = directory });
        var image = await host.BuildFromScratch().AddHostProgram("sh", "cat", "sleep", "true").BuildAsync("soak:1");
        var warmUps = Math.Clamp(cycles / 10, 2 * SoakCycles.Kinds * AtOnce, 500);
        var work = new SoakCycles(host, image, warmUps + cycles);
        say($"{warmUps} containers to warm up");
        await CycleAsync(work, 0, warmUps);
        _ = await Inventory.CountAsync(host, work);
        await Task.Delay(TimeSpan.FromSeconds(1));

        var before = await Inventory.CountAsync(host, work);
        var descriptors = Inventory.DescribeDescriptors();
        var namespaces = Inventory.NetworkNamespaces();
        say($"before: {Words([.. before, .. Inventory.WeighMemory()])}");
        var clock = Stopwatch.StartNew();
        var half = Inventory.WeighMemory();
        const int parts = 10;
        for (var part = 0; part < parts; part++)
        {
            await CycleAsync(work, warmUps + (cycles * part / parts), warmUps + (cycles * (part + 1) / parts));
            var memory = Inventory.WeighMemory();
            half = part == (parts / 2) - 1 ? memory : half;
            say(FormattableString.Invariant($"{cycles * (part + 1) / parts} cycles, {cycles * (part + 1) / parts / clock.Elapsed.TotalSeconds:0} a second: {Words([Inventory.CountDescriptors(), .. memory])}"));
        }

        var after = await SettleAsync(() => Inventory.CountAsync(host, work), before);
        var end = await SettleAsync(() => Task.FromResult(Inventory.WeighMemory()), half);
        say($"in the end: {Words([.. after, .. end])}");
        if (namespaces is { } first && Inventory.NetworkNamespaces() is { } last)
        {
            say($"network namespaces of the whole machine, whoever made them: {first} before, {last} after");
        }

        IReadOnlyList<string> grown = [.. Inventory.Grown(before, after), .. Inventory.Grown(half, end)];
        if (grown.Count > 0)
        {
            say($"descriptors were of: {string.Join(' ', descriptors)}; and are of: {string.Join(' ', Inventory.DescribeDescriptors())}");
        }

        return grown;
    }

    private static Task CycleAsync(SoakCycles work, int first, int end) =>
        Parallel.ForAsync(first, end, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (number, _) => await work.RunAsync(number));

    private static async Task<IReadOnlyList<Item>> SettleAsync(Func<Task<IReadOnlyList<Item>>> look, IReadOnlyList<Item> before)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var now = await look();
            if (clock.Elapsed > Patience || Inventory.Grown(before, now).Count == 0)
            {
                return now;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(500));
        }
    }

    private static string Words(IReadOnlyList<Item> items) => string.Join(", ", items.Select(item => $"{item.Count} {item.Name}"));
}
