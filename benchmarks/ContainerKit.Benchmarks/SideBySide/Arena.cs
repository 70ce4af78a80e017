using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace ContainerKit.Benchmarks.SideBySide;

/// <summary>One root file system for all, in the form that each wants, in a directory that goes away.</summary>
/// <remarks>
/// <code>
/// DIRECTORY/
///   rootfs/          what runc, crun and bwrap run on, as it is
///   bundle/ limited/ OCI bundles, without limits and with
///   store/           ours, for this process;  ckit/ for ckit
///   podman/          podman's images
/// </code>
/// </remarks>
internal sealed class Arena : IAsyncDisposable
{
    public const long MemoryLimit = 256L << 20;
    public const int ProcessLimit = 100;
    private const string Image = "bench:1";
    private const int WarmUps = 400;

    private int _number;

    private Arena(string directory, ContainerHost host, Image image) => (Directory, Host, Tools) = (directory, host, image);

    public string Directory { get; }

    public ContainerHost Host { get; }

    public Image Tools { get; }

    private string RootFileSystem => Path.Combine(Directory, "rootfs");

    public static async Task<Arena> BuildAsync(string ckit)
    {
        var directory = System.IO.Directory.CreateTempSubdirectory("containerkit-bench-").FullName;
        var host = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = Path.Combine(directory, "store") });
        var image = await host.BuildFromScratch().AddHostProgram("/bin/true", "/bin/sleep").AddDirectory("/tmp").BuildAsync(Image);
        var arena = new Arena(directory, host, image);
        await host.Images.SaveAsync(image, Path.Combine(directory, "image.tar"), ImageArchiveFormat.Docker);
        await using (var container = await host.Container(image).CreateAsync())
        {
            System.IO.Directory.CreateDirectory(arena.RootFileSystem);
            await foreach (var entry in container.Files.ListAsync("/"))
            {
                await container.Files.CopyOutAsync("/" + entry.Name, Path.Combine(arena.RootFileSystem, entry.Name));
            }
        }

        foreach (var name in (string[])["proc", "sys", "dev", "tmp"])
        {
            System.IO.Directory.CreateDirectory(Path.Combine(arena.RootFileSystem, name));
        }

        await Contestant.ExecuteAsync(ckit, "--root", Path.Combine(directory, "ckit"), "load", "-i", Path.Combine(directory, "image.tar"));
        return arena;
    }

    /// <summary>This library, from this process.</summary>
    public Contestant Ours(string name, Func<ContainerBuilder, ContainerBuilder>? with = null)
    {
        var description = (with ?? (spec => spec))(Host.Container(Tools).WithCommand("/bin/true"));
        return new Contestant(name, () => description.RunAsync()) { WarmUps = WarmUps };
    }

    /// <summary>The same in containers that were made before: what the peers do, who find their root file system ready.</summary>
    public Contestant OursMade(string name)
    {
        var (ready, used) = (new ConcurrentQueue<Container>(), new ConcurrentQueue<Container>());
        var description = Host.Container(Tools).WithCommand("/bin/true");
        return new Contestant(name, RunAsync) { PrepareAsync = PrepareAsync, CleanAsync = CleanAsync, WarmUps = WarmUps };

        async Task PrepareAsync(int count)
        {
            for (var i = 0; i < count; i++)
            {
                ready.Enqueue(await description.CreateAsync());
            }
        }

        async Task RunAsync()
        {
            _ = ready.TryDequeue(out var container);
            used.Enqueue(container!);
            await using var running = await container!.StartAsync();
            if ((await running.WaitForExitAsync()).ExitCode is not 0)
            {
                throw new InvalidOperationException("The container failed.");
            }
        }

        async Task CleanAsync()
        {
            while (used.TryDequeue(out var container))
            {
                await container.DisposeAsync();
            }
        }
    }

    public Contestant Ckit(string ckit) =>
        Contestant.Program("ckit run (native)", ckit, "--root", Path.Combine(Directory, "ckit"), "run", "--rm", Image, "/bin/true");

    public Contestant? Bwrap() => Contestant.Find("bwrap") is { } bwrap
        ? Contestant.Program("bwrap --unshare-all", bwrap, "--unshare-all", "--bind", RootFileSystem, "/", "--proc", "/proc", "--dev", "/dev", "/bin/true")
        : null;

    public async Task<Contestant?> RuncAsync(string name, bool isLimited) => Contestant.Find("runc") is { } runc
        ? await RuntimeAsync(name, runc, isLimited, (bundle, id) => [runc, "--root", Path.Combine(Directory, "runc"), "run", "--bundle", bundle, id])
        : null;

    // crun 1.8.1 refuses while a cgroup2 with a controller is mounted beside v1, so it gets a view of the host without it.
    public async Task<Contestant?> CrunAsync() => Contestant.Find("crun") is { } crun && Contestant.Find("runc") is { } runc
        ? await RuntimeAsync("crun run", runc, isLimited: false, (bundle, id) =>
        [
            "unshare", "-m", "--propagation", "slave", "sh", "-c", "umount /sys/fs/cgroup/unified 2>/dev/null; exec \"$@\"", "sh",
            crun, "--root", Path.Combine(Directory, "crun"), "run", "--bundle", bundle, id,
        ])
        : null;

    public async Task<Contestant?> PodmanAsync()
    {
        if (Contestant.Find("podman") is not { } podman)
        {
            return null;
        }

        string[] common = ["--root", Path.Combine(Directory, "podman"), "--runroot", Path.Combine(Directory, "podman-run"), "--runtime", "runc"];
        await Contestant.ExecuteAsync(podman, [.. common, "load", "-i", Path.Combine(Directory, "image.tar")]);
        return Contestant.Program(
            "podman run --network none",
            podman,
            [.. common, "run", "--rm", "--network", "none", "--ulimit", "nofile=20000:20000", "--ulimit", "nproc=1000:1000", Image, "/bin/true"]);
    }

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();

        // podman may leave its own mounts; a plain removal would go through them.
        await Contestant.ExecuteAsync("sh", "-c", "grep -o \" $1/[^ ]*\" /proc/self/mountinfo | sort -r | xargs -r umount -l; rm -rf --one-file-system \"$1\"", "sh", Directory);
    }

    private async Task<Contestant> RuntimeAsync(string name, string runc, bool isLimited, Func<string, string, string[]> commandLine)
    {
        var bundle = System.IO.Directory.CreateDirectory(Path.Combine(Directory, isLimited ? "limited" : "bundle")).FullName;
        var path = Path.Combine(bundle, "config.json");
        if (!File.Exists(path))
        {
            await Contestant.ExecuteAsync("sh", "-c", "cd \"$1\" && \"$2\" spec", "sh", bundle, runc);
            var config = JsonNode.Parse(await File.ReadAllTextAsync(path))!;
            config["process"]!["terminal"] = false;
            config["process"]!["args"] = new JsonArray("/bin/true");
            config["process"]!["rlimits"] = null;
            config["root"] = new JsonObject { ["path"] = RootFileSystem, ["readonly"] = false };
            if (isLimited)
            {
                config["linux"]!["resources"] = new JsonObject
                {
                    ["memory"] = new JsonObject { ["limit"] = MemoryLimit },
                    ["pids"] = new JsonObject { ["limit"] = ProcessLimit },
                };
            }

            await File.WriteAllTextAsync(path, config.ToJsonString());
        }

        return new Contestant(name, () =>
        {
            var command = commandLine(bundle, $"bench-{Environment.ProcessId}-{Interlocked.Increment(ref _number)}");
            return Contestant.ExecuteAsync(command[0], command[1..]);
        });
    }
}
