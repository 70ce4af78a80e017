using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Storage;

/// <summary>What a driver says is to be mounted, mounted with mount(8).</summary>
internal sealed class MountedSnapshot : IDisposable
{
    public MountedSnapshot(IReadOnlyList<Mount> mounts, string target)
    {
        Path = target;
        var mount = mounts.Single();
        Shell.Run("mount", mount.Type == "bind"
            ? ["--bind", mount.Source, target]
            : ["-t", mount.Type, mount.Source, "-o", OptionsOf(mount), target]);
    }

    public string Path { get; }

    public void Dispose() => Shell.Run("umount", Path);

    private static string OptionsOf(Mount mount)
    {
        var lower = mount.Options.Where(option => option.StartsWith("lowerdir=", StringComparison.Ordinal)).Select(option => option["lowerdir=".Length..]);
        var others = mount.Options.Where(option => !option.StartsWith("lowerdir=", StringComparison.Ordinal));
        return string.Join(',', [$"lowerdir={string.Join(':', lower)}", .. others]);
    }
}
