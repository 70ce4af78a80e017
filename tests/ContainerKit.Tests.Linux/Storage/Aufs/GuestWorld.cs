using System.Runtime.ExceptionServices;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Storage.Aufs;

/// <summary>
/// The place where a scenario was recorded, for one thread of this process: a mount namespace and a root directory of its own, with
/// empty directories <c>/b</c> (on ext4, without access times) and <c>/mnt</c>, busybox as the shell, and the host's programs.
/// </summary>
internal static class GuestWorld
{
    // A server that hangs must not hang the tests; the longest scenario mounts 128 times.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private static readonly string[] OwnDirectories = ["b", "mnt", "tmp"];

    /// <summary>Does something in such a place, which is gone afterwards.</summary>
    /// <param name="branches">A directory of the host on ext4, which becomes /b.</param>
    /// <param name="programs">Directories of the host that are shown at their own paths.</param>
    /// <param name="action">What to do there; all its system calls must be made by the thread that it is called on.</param>
    public static void Run(string branches, IEnumerable<string> programs, Action action)
    {
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                Enter(branches, programs);
                action();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        })
        { IsBackground = true, Name = "scenario" };
        thread.Start();
        if (!thread.Join(Patience))
        {
            throw new TimeoutException($"The scenario did not end within {Patience.TotalMinutes} minutes.");
        }

        failure?.Throw();
    }

    private static void Enter(string branches, IEnumerable<string> programs)
    {
        Own(GuestCalls.unshare(GuestCalls.CLONE_NEWNS | GuestCalls.CLONE_FS), "unshare");
        Own(GuestCalls.mount(null, "/", null, GuestCalls.MS_REC | GuestCalls.MS_PRIVATE, null), "mount");

        // The branches must stay reachable after the new root has hidden them, so they are the first thing to be mounted elsewhere.
        var root = "/mnt";
        Own(GuestCalls.mount("guest", root, "tmpfs", 0, "mode=755"), "mount");
        foreach (var name in OwnDirectories)
        {
            Directory.CreateDirectory($"{root}/{name}");
        }

        Own(GuestCalls.mount("tmp", $"{root}/tmp", "tmpfs", 0, "mode=1777"), "mount");
        Bind(branches, $"{root}/b");
        Own(GuestCalls.mount(null, $"{root}/b", null, GuestCalls.MS_REMOUNT | GuestCalls.MS_BIND | GuestCalls.MS_NOATIME, null), "mount");
        ShowHost(root);
        Own(GuestCalls.mount("shm", $"{root}/dev/shm", "tmpfs", 0, "mode=1777"), "mount");
        foreach (var directory in programs)
        {
            Directory.CreateDirectory(root + directory);
            Bind(directory, root + directory);
        }

        // There were no names for users where the scenarios were recorded.
        BindFile("/dev/null", $"{root}/etc/passwd");
        BindFile("/dev/null", $"{root}/etc/group");
        BindFile(HostPath.Find("busybox")!, $"{root}/bin/sh");
        Own(GuestCalls.chroot(root), "chroot");
        Own(GuestCalls.chdir("/tmp"), "chdir");
    }

    private static void ShowHost(string root)
    {
        foreach (var entry in new DirectoryInfo("/").EnumerateFileSystemInfos().Where(each => !OwnDirectories.Contains(each.Name)))
        {
            if (entry.LinkTarget is { } target)
            {
                File.CreateSymbolicLink($"{root}/{entry.Name}", target);
            }
            else if (entry is DirectoryInfo)
            {
                Directory.CreateDirectory($"{root}/{entry.Name}");
                Bind(entry.FullName, $"{root}/{entry.Name}");
            }
        }
    }

    private static void Bind(string source, string target) =>
        Own(GuestCalls.mount(source, target, null, GuestCalls.MS_BIND | GuestCalls.MS_REC, null), $"bind mount of {source}");

    // /bin/sh is mostly a symlink, and an absolute one would lead out of the root that is just being made.
    private static void BindFile(string source, string target) => Bind(source, Path.GetFullPath(
        File.ResolveLinkTarget(target, returnFinalTarget: true)?.FullName ?? target));

    private static void Own(long result, string what) => GuestCalls.Check(result, what);
}
