using System.Runtime.Versioning;
using ContainerKit.Benchmarks.SideBySide;
using ContainerKit.Linux;
using ContainerKit.Storage.Union;
using ContainerKit.Storage.Union.Core;

namespace ContainerKit.Benchmarks.CopyUp;

/// <summary>The branches of a union, with what copies up from one to the other in process; overlayfs's dialect.</summary>
/// <remarks>
/// <code>
/// DIRECTORY/
///   lower/ upper/ work/   branches
///   copy/                 what cp makes
///   mounted/              where peers mount
/// </code>
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed class Branches(string directory)
{
    public string Lower => Path.Combine(directory, "lower");

    public string Upper => Path.Combine(directory, "upper");

    public string Work => Path.Combine(directory, "work");

    public string Copy => Path.Combine(directory, "copy");

    public string Mounted => Path.Combine(directory, "mounted");

    public string OverlayOptions => $"lowerdir={Lower},upperdir={Upper},workdir={Work}";

    /// <summary>Empties the writable branch, and waits until the disk has nothing left to do.</summary>
    public async Task EmptyAsync()
    {
        await Contestant.ExecuteAsync("rm", "-rf", Upper, Work, Copy);
        foreach (var path in (string[])[Upper, Work, Mounted])
        {
            Directory.CreateDirectory(path);
        }

        await Contestant.ExecuteAsync("sync", "-f", directory);
    }

    /// <summary>The union by paths, which <c>container.Files</c> uses.</summary>
    public UnionTree OpenTree() => new(
        RootedDirectory.Open(Upper), [RootedDirectory.Open(Lower)], OverlayDialect.Trusted, TreeOwnership.Direct, RootedDirectory.Open(Work));

    /// <summary>The union by inodes, which the FUSE server uses.</summary>
    public UnionCore OpenCore() => UnionOpening.Open(
        [(Upper, BranchOptions.Writable), (Lower, BranchOptions.HonoursWhiteouts)], OverlayDialect.Trusted, TreeOwnership.Direct, Work);

    /// <summary>Copies up by path.</summary>
    public static void CopyUp(UnionTree tree, IReadOnlyList<string> paths)
    {
        foreach (var path in paths)
        {
            tree.OpenWrite(path, OpenFlags.Write).Dispose();
        }
    }

    /// <summary>Copies up what was looked up before.</summary>
    public static void CopyUp(UnionCore core, IReadOnlyList<Inode> inodes)
    {
        foreach (var inode in inodes)
        {
            LinuxException.ThrowIf(core.CopyUp(inode), $"copy up number {inode.Number}");
        }
    }

    /// <summary>The inode of a path.</summary>
    public static Inode LookUp(UnionCore core, string path)
    {
        Inode inode = core.Root;
        foreach (var name in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            LinuxException.ThrowIf(core.LookUp((DirectoryInode)inode, System.Text.Encoding.UTF8.GetBytes(name), out inode, out _), $"look up '{path}'");
        }

        return inode;
    }
}
