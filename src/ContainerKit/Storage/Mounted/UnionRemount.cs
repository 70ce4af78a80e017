using System.Runtime.Versioning;
using System.Text;
using ContainerKit.Linux;
using ContainerKit.Storage.Aufs;
using ContainerKit.Storage.Fuse;
using ContainerKit.Storage.Union;
using ContainerKit.Storage.Union.Core;

namespace ContainerKit.Storage.Mounted;

/// <summary>
/// Remounts of a union that is served: whoever asks is another process, and the kernel does not hand a remount to a FUSE server. So the wish travels as an extended
/// attribute of the mount's root, of the kind that the kernel lets nobody set but who may mount.
/// </summary>
/// <param name="mounted">What it was mounted with.</param>
/// <param name="union">The union that is served.</param>
[SupportedOSPlatform("linux")]
internal sealed class UnionRemount(UnionMountOptions mounted, UnionCore union)
{
    private readonly Lock _gate = new();
    private UnionMountOptions _options = mounted;

    /// <summary>Asks the process that serves a mount, and the kernel for what it keeps of the mount itself.</summary>
    /// <exception cref="LinuxException">It is not done, or nobody serves the mount.</exception>
    public static void Ask(string mountPoint, string options, string directory)
    {
        var words = options.Split(',', StringSplitOptions.RemoveEmptyEntries).ToLookup(AufsMountOptions.IsFlag);
        if (words[false].Any())
        {
            using var root = FileCalls.Local.Open(null, mountPoint, OpenFlags.Directory, resolve: Resolve.Host);
            var errno = FileCalls.Local.TrySetAttribute(root, default, UnionFileSystem.RemountAttribute, Encoding.UTF8.GetBytes($"{directory}\0{string.Join(',', words[false])}"));
            LinuxException.ThrowIf(errno, $"remount '{mountPoint}' with '{options}'");
        }

        // While the attribute is set the mount is in use by a writer, so the server could not make it read-only.
        var (added, taken) = MountFlags.ChangeOf(words[true]);
        LinuxException.ThrowIf(MountCalls.TrySetAttributes(mountPoint, added, taken), $"make the mount on '{mountPoint}' {string.Join(',', words[true])}");
    }

    /// <summary>What the serving process does.</summary>
    /// <param name="wish">What was asked: the directory at which relative paths begin, and the options.</param>
    /// <returns>0 or an <see cref="Errno"/>.</returns>
    public int Perform(ReadOnlySpan<byte> wish)
    {
        try
        {
            var text = Encoding.UTF8.GetString(wish).Split('\0', 2);
            lock (_gate)
            {
                return text is [{ Length: > 0 } directory, var options] && _options.AufsOptions is { } before
                    ? Change(before, AufsRemount.Change(before, options, directory))
                    : Errno.EINVAL;
            }
        }
        catch (ArgumentException)
        {
            return Errno.EINVAL;
        }
        catch (LinuxException e)
        {
            return e.Errno;
        }
    }

    private int Change(AufsMountOptions before, AufsMountOptions after)
    {
        if (after.KeepsNumbers != before.KeepsNumbers || after.ShowsWhiteouts != before.ShowsWhiteouts || after.InodeFile != before.InodeFile)
        {
            return Errno.EINVAL;
        }

        var next = UnionMountOptions.Of(after) with { Passthrough = _options.Passthrough, LoggerFactory = _options.LoggerFactory };
        var errno = Restack(before, after, next.Core);
        if (errno == 0)
        {
            _options = next;
        }

        return errno;
    }

    private int Restack(AufsMountOptions before, AufsMountOptions after, UnionCoreOptions options)
    {
        var (stack, opened, known) = (new List<(UnionBranch, BranchOptions)>(), new List<UnionBranch>(), union.Branches);
        var isDone = false;
        try
        {
            foreach (var branch in after.Branches)
            {
                var place = before.Branches.ToList().FindIndex(each => each.Path == branch.Path);
                stack.Add((place >= 0 ? known[place] : Open(branch), branch.Options));
            }

            var errno = union.Restack(stack, branch => UnionOpening.OpenStaging(branch, union.Dialect, workDirectory: null, options), options);
            isDone = errno == 0;
            return errno;
        }
        finally
        {
            if (!isDone)
            {
                opened.ForEach(branch => branch.Dispose());
            }
        }

        UnionBranch Open(AufsBranch branch)
        {
            try
            {
                opened.Add(UnionOpening.OpenFurther(branch.Path, branch.Options, [.. after.Branches.Select(each => each.Path).Where(path => path != branch.Path)]));
                return opened[^1];
            }
            catch (LinuxException e)
            {
                // AUFS has one word for everything that is wrong with a branch.
                throw new LinuxException(Errno.EINVAL, $"take '{branch.Path}' as a branch ({e.Message})");
            }
        }
    }
}
