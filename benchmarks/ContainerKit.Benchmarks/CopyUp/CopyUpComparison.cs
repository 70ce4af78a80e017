using System.Runtime.Versioning;
using ContainerKit.Benchmarks.SideBySide;
using ContainerKit.Storage.Union;
using ContainerKit.Storage.Union.Core;

namespace ContainerKit.Benchmarks.CopyUp;

/// <summary>Copy-up beside <c>cp -a --reflink=auto</c> and the peers' mounts, which a touch of every file makes copy.</summary>
[SupportedOSPlatform("linux")]
internal static class CopyUpComparison
{
    public static async Task RunAsync(int rounds, IEnumerable<string> kinds)
    {
        Contestant.NameMissing("fuse-overlayfs");
        foreach (var kind in kinds)
        {
            if (kind != "tmpfs" && Contestant.Find($"mkfs.{kind}") is null)
            {
                Console.WriteLine($"left out: {kind}, for mkfs.{kind} is not installed");
                continue;
            }

            await using var place = await Place.MakeAsync(kind);
            foreach (var shape in (string[])["4 KiB", "512 MiB"])
            {
                var branches = new Branches(Path.Combine(place.Root, shape.Replace(' ', '-')));
                var paths = await LowerFiles.MakeAsync(branches.Lower, shape);
                var cp = Cp(branches);
                Contestant?[] all = [cp, ByPath(branches, paths), ByInode(branches, paths), Overlay(branches), FuseOverlay(branches), Ours(branches)];
                await Comparison.TimeAsync($"{paths.Count} x {shape} on {kind}", await Comparison.WorkingAsync(all), shape == "512 MiB" ? Math.Max(rounds / 2, 3) : rounds, cp);
                await Contestant.ExecuteAsync("rm", "-rf", Path.GetDirectoryName(branches.Lower)!);
            }
        }
    }

    private static Contestant Cp(Branches branches) => new("cp -a --reflink=auto", () =>
        Contestant.ExecuteAsync("cp", "-a", "--reflink=auto", branches.Lower, branches.Copy))
    {
        PrepareAsync = _ => branches.EmptyAsync(),
        WarmUps = 1,
    };

    private static Contestant ByPath(Branches branches, IReadOnlyList<string> paths)
    {
        UnionTree tree = null!;
        return InProcess("in process, by path (container.Files)", branches, () => tree = branches.OpenTree(), () => Branches.CopyUp(tree, paths), () => tree.Dispose());
    }

    private static Contestant ByInode(Branches branches, IReadOnlyList<string> paths)
    {
        UnionCore core = null!;
        return InProcess(
            "in process, by inode (looked up and copied up)",
            branches,
            () => core = branches.OpenCore(),
            () => Branches.CopyUp(core, [.. paths.Select(path => Branches.LookUp(core, path))]),
            () => core.Dispose());
    }

    private static Contestant InProcess(string name, Branches branches, Action open, Action copyUp, Action close) => new(name, () =>
    {
        copyUp();
        return Task.CompletedTask;
    })
    {
        PrepareAsync = async _ =>
        {
            await branches.EmptyAsync();
            open();
        },
        CleanAsync = () =>
        {
            close();
            return Task.CompletedTask;
        },
        WarmUps = 1,
    };

    private static Contestant Overlay(Branches branches) => Mounted("overlayfs, touch", branches, () =>
        Contestant.ExecuteAsync("mount", "-t", "overlay", "-o", branches.OverlayOptions, "overlay", branches.Mounted));

    private static Contestant? FuseOverlay(Branches branches) => Contestant.Find("fuse-overlayfs") is { } program
        ? Mounted("fuse-overlayfs, touch", branches, () => Contestant.ExecuteAsync("sh", "-c", "\"$@\" >/dev/null 2>&1", "sh", program, "-o", branches.OverlayOptions, branches.Mounted))
        : null;

    private static Contestant Ours(Branches branches)
    {
        UnionMountPoint mount = null!;
        var contestant = Mounted("our mount, touch", branches, () =>
        {
            mount = UnionMountPoint.Make(branches, PassthroughMode.Auto);
            return Task.CompletedTask;
        });
        return contestant with
        {
            CleanAsync = async () =>
            {
                await contestant.CleanAsync();
                mount.Dispose();
            },
        };
    }

    private static Contestant Mounted(string name, Branches branches, Func<Task> mount) => new(name, () =>
        Contestant.ExecuteAsync("find", branches.Mounted, "-type", "f", "-exec", "touch", "{}", "+"))
    {
        PrepareAsync = async _ =>
        {
            await branches.EmptyAsync();
            await mount();
        },
        CleanAsync = () => Contestant.ExecuteAsync("umount", branches.Mounted),
        WarmUps = 1,
    };
}
