using System.Diagnostics;
using ContainerKit.Benchmarks.SideBySide;

namespace ContainerKit.Benchmarks.CopyUp;

/// <summary>What lies in the lower branch: one shape of files at a time.</summary>
internal static class LowerFiles
{
    public const int Small = 2000;

    /// <summary>Every shape, by name.</summary>
    public static IReadOnlyList<string> Shapes { get; } = ["empty", "4 KiB", "1 MiB", "512 MiB", "sparse", "50 xattrs", "depth 20", "hard links"];

    /// <summary>Makes files of a shape.</summary>
    /// <returns>Their paths in the union.</returns>
    public static async Task<IReadOnlyList<string>> MakeAsync(string lower, string shape)
    {
        switch (shape)
        {
            case "empty":
                return Write(lower, 200, size: 0);
            case "4 KiB":
                return Write(lower, Small, size: 4096);
            case "1 MiB":
                return Write(lower, 20, size: 1 << 20);
            case "512 MiB":
                return Write(lower, 1, size: 512 << 20);
            case "sparse":
                return WriteSparse(lower);
            case "50 xattrs":
                var attributed = Write(lower, 20, size: 4096);
                await Contestant.ExecuteAsync("sh", "-c", "for f in $(find \"$1\" -type f); do for i in $(seq 50); do setfattr -n user.a$i -v $i $f; done; done", "sh", lower);
                return attributed;
            case "depth 20":
                return [.. Enumerable.Range(0, 20).Select(i => Write(lower, string.Concat(Enumerable.Repeat($"/{i}", 20)), size: 4096))];
            case "hard links":
                var first = Write(lower, "/0/first", size: 4096);
                await Contestant.ExecuteAsync("sh", "-c", "cd \"$1\"/0 && for i in $(seq 19); do ln first $i; done", "sh", lower);
                return [first, .. Enumerable.Range(1, 19).Select(i => $"/0/{i}")];
            default:
                throw new UnreachableException();
        }
    }

    private static string[] Write(string lower, int count, int size) =>
        [.. Enumerable.Range(0, count).Select(i => Write(lower, $"/{i / 100}/{i}", size))];

    private static string Write(string lower, string path, int size)
    {
        var content = new byte[Math.Min(size, 1 << 20)];
        Random.Shared.NextBytes(content);
        Directory.CreateDirectory(Path.GetDirectoryName(lower + path)!);
        using var file = File.Create(lower + path);
        for (var left = size; left > 0; left -= content.Length)
        {
            file.Write(content);
        }

        return path;
    }

    private static string[] WriteSparse(string lower)
    {
        var path = Write(lower, "/0/sparse", size: 4096);
        using var file = File.OpenWrite(lower + path);
        file.Position = 512L << 20;
        file.Write(new byte[4096]);
        file.SetLength(1L << 30);
        return [path];
    }
}
