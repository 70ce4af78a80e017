using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union.Core;

/// <summary>Opens the directories of a union that is to be served, and sweeps what an earlier server of it left half made.</summary>
[SupportedOSPlatform("linux")]
internal static class UnionOpening
{
    /// <summary>Opens a union.</summary>
    /// <param name="branches">The branches' paths on the host, the topmost first, with what they may do.</param>
    /// <param name="dialect">How whiteouts are written.</param>
    /// <param name="ownership">Where owners and modes are kept.</param>
    /// <param name="workDirectory">
    /// A directory beside a writable branch where objects are made; in the AUFS dialect it may be null, for the branch has a hidden one then.
    /// </param>
    /// <param name="options">What else there is to choose.</param>
    /// <param name="calls">Who makes the file calls; null for this process.</param>
    /// <exception cref="LinuxException">A directory cannot be opened, or a writable branch has something else under a name that AUFS keeps for itself (EINVAL).</exception>
    public static UnionCore Open(
        IReadOnlyList<(string Path, BranchOptions Options)> branches,
        IWhiteoutDialect dialect,
        TreeOwnership ownership,
        string? workDirectory = null,
        UnionCoreOptions? options = null,
        FileCalls? calls = null)
    {
        calls ??= FileCalls.Local;
        var opened = new List<UnionBranch>();
        var staging = new List<SafeFileHandle>();
        try
        {
            foreach (var (path, permissions) in branches)
            {
                opened.Add(new UnionBranch(RootedDirectory.Open(path, calls), permissions));
            }

            if (dialect is AufsDialect)
            {
                PrepareAll([.. branches.Select(branch => branch.Path)], opened, options ?? new UnionCoreOptions(), calls);
            }

            foreach (var branch in opened.Where(branch => branch.IsWritable && opened[0].IsWritable))
            {
                staging.Add(OpenStaging(branch, dialect, workDirectory, options ?? new UnionCoreOptions(), calls));
            }

            return new UnionCore(opened, dialect, ownership, staging, calls, options);
        }
        catch
        {
            staging.ForEach(each => each.Dispose());
            opened.ForEach(branch => branch.Dispose());
            throw;
        }
    }

    /// <summary>Opens a directory that is to become a further branch of a union in AUFS's words.</summary>
    /// <param name="path">The directory.</param>
    /// <param name="permissions">What the branch may do.</param>
    /// <param name="others">The paths of the branches that there are.</param>
    /// <exception cref="LinuxException">It cannot be opened, or cannot be a branch (EINVAL).</exception>
    public static UnionBranch OpenFurther(string path, BranchOptions permissions, IReadOnlyList<string> others)
    {
        var branch = new UnionBranch(RootedDirectory.Open(path, FileCalls.Local), permissions);
        try
        {
            RefuseOverlap(path, [.. others]);
            RefuseUnion(path, FileCalls.Local.Stat(branch.Root).Device, File.ReadAllText("/proc/self/mountinfo"));
            return branch;
        }
        catch
        {
            branch.Dispose();
            throw;
        }
    }

    // One after the other, as AUFS does: what is wrong with a branch shows when those above it have been prepared.
    private static void PrepareAll(List<string> paths, List<UnionBranch> branches, UnionCoreOptions options, FileCalls calls)
    {
        var mounts = options.FollowsAufs ? File.ReadAllText("/proc/self/mountinfo") : "";
        for (var i = 0; i < branches.Count; i++)
        {
            if (options.FollowsAufs)
            {
                RefuseOverlap(paths[i], paths[..i]);
                RefuseUnion(paths[i], calls.Stat(branches[i].Root).Device, mounts);
            }

            if (branches[i].IsWritable)
            {
                Prepare(branches[i], options, calls);
            }
        }
    }

    private static void RefuseOverlap(string path, List<string> others)
    {
        static bool IsIn(string inner, string outer) => (inner + "/").StartsWith(outer == "/" ? "/" : outer + "/", StringComparison.Ordinal);
        var other = others.Find(each => IsIn(path, each) || IsIn(each, path));
        if (other is not null)
        {
            throw new LinuxException(Errno.EINVAL, $"take '{path}' as a branch beside '{other}', one of which is in the other");
        }
    }

    // AUFS is no branch of AUFS.
    private static void RefuseUnion(string path, ulong device, string mounts)
    {
        if (MountInfo.TypeOf(mounts, device) == $"fuse.{UnionMount.Type}")
        {
            throw new LinuxException(Errno.EINVAL, $"take '{path}' as a branch, for it is in a union itself");
        }
    }

    private static void Prepare(UnionBranch branch, UnionCoreOptions options, FileCalls calls)
    {
        var isShared = (branch.Options & BranchOptions.SeparateWhiteouts) == 0;
        LinuxException.ThrowIf(AufsDialect.Prepare(calls, branch.Root, options.KeepsLinks, isShared), $"prepare a writable branch");
    }

    /// <summary>Opens the directory where objects of a writable branch are made, and empties it of ours.</summary>
    public static SafeFileHandle OpenStaging(UnionBranch branch, IWhiteoutDialect dialect, string? workDirectory, UnionCoreOptions options, FileCalls? calls = null)
    {
        calls ??= FileCalls.Local;
        if (dialect is AufsDialect)
        {
            Prepare(branch, options, calls);
        }

        SafeFileHandle staging;
        if (workDirectory is not null)
        {
            staging = calls.Open(null, workDirectory, OpenFlags.Directory, resolve: Resolve.Host);
        }
        else if (dialect is AufsDialect)
        {
            staging = calls.Open(branch.Root, AufsDialect.OrphansName, OpenFlags.Directory | OpenFlags.NoFollow);
        }
        else
        {
            throw new ArgumentNullException(nameof(workDirectory), "Overlayfs's dialect has no place in the branch where objects could be made.");
        }

        try
        {
            foreach (var name in DirectoryEntries.NamesOf(staging))
            {
                if (name.StartsWith(BranchWriter.StagingPrefix, StringComparison.Ordinal))
                {
                    TreeRemover.Remove(calls, staging, name);
                }
            }

            return staging;
        }
        catch
        {
            staging.Dispose();
            throw;
        }
    }
}
