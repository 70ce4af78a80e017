using System.Runtime.InteropServices;
using ContainerKit.Content;
using ContainerKit.Linux;
using ContainerKit.Storage;
using ContainerKit.Storage.Union;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Containers.Volumes;

// How a volume comes to the files that an image has for it: aside, under a lock that says its filler is alive, and then by one rename.
internal sealed partial class VolumeCatalog
{
    /// <summary>
    /// Holds a volume for a run, and fills it first where nobody has done so: with what the tree shows at the place that the volume is to cover. Of several who
    /// start at once one fills it, and the others wait. What runs already keeps it as it is.
    /// </summary>
    /// <param name="name">The volume.</param>
    /// <param name="openTree">Opens the container's own files.</param>
    /// <param name="path">Where the volume is to be, in the container. Its symlinks lead nowhere but to other places in there.</param>
    /// <param name="cancellationToken">Gives up; the volume is then as before.</param>
    /// <returns>The hold; null when there is no such volume.</returns>
    /// <exception cref="StorageException">It is another user namespace's, or the store cannot hold its files.</exception>
    public SafeFileHandle? HoldFilled(string name, Func<UnionTree> openTree, string path, CancellationToken cancellationToken)
    {
        if (TryRead(name) is not { } record)
        {
            return null;
        }

        if (record.Variant != Variant)
        {
            throw new StorageException($"Cannot use the volume '{name}': its files were written for another user namespace, and would be read wrong.")
            {
                Hint = "Use it with the UserNamespaceMode that it was made with, or another volume.",
            };
        }

        if (!IsFresh(name))
        {
            return TryHold(name, cancellationToken);
        }

        using var tree = openTree();
        if (tree.TryStat(path, followSymlink: true, out var source) != 0 || source.Kind != FileKind.Directory)
        {
            // There is nothing to fill it with: it waits for an image that has something.
            return TryHold(name, cancellationToken);
        }

        return HoldAlone(name, cancellationToken) is { } alone ? FillAndShare(name, alone, tree, source.Path, cancellationToken) : TryHold(name, cancellationToken);
    }

    /// <summary>Whether it was never filled, and nobody has put anything into it.</summary>
    private bool IsFresh(string name)
    {
        if (File.Exists(Path.Combine(directory, name, FilledName)))
        {
            return false;
        }

        var errno = Calls.TryOpen(null, DataOf(name), OpenFlags.Directory | OpenFlags.NoFollow, 0, Resolve.Host, out var data);
        using (data)
        {
            // One that a container has shut to its own owner is in use.
            return errno is not Errno.EACCES && (errno == 0 ? DirectoryEntries.NamesOf(data).Count == 0 : throw new StorageException($"The volume '{name}' has lost its files."));
        }
    }

    private SafeFileHandle? FillAndShare(string name, SafeFileHandle alone, UnionTree tree, string source, CancellationToken cancellationToken)
    {
        try
        {
            if (IsFresh(name))
            {
                Fill(name, alone, tree, source, cancellationToken);
            }

            // Somebody else may get in between: then it is filled all the same.
            if (FileLock.TryFlock(alone, exclusive: false))
            {
                return alone;
            }
        }
        catch
        {
            alone.Dispose();
            throw;
        }

        alone.Dispose();
        return TryHold(name, cancellationToken);
    }

    private void Fill(string name, SafeFileHandle volume, UnionTree tree, string source, CancellationToken cancellationToken)
    {
        try
        {
            // What one left who died at it.
            TreeRemover.Remove(Calls, volume, FillName);
            Calls.MakeDirectory(volume, FillName, DirectoryMode);
            using (var target = new UnionTree(RootedDirectory.Open(Path.Combine(PathOf(name), FillName), Calls), [], PlainDialect.Instance, options.Ownership ?? TreeOwnership.Direct))
            {
                TreeFlattener.Copy(tree, source, target, cancellationToken);
            }

            if (options.SurvivesPowerLoss)
            {
                LinuxException.ThrowIf(LibC.syncfs((int)volume.DangerousGetHandle()) < 0 ? Marshal.GetLastPInvokeError() : 0, $"flush the store to its disk");
            }

            // In the place of the empty one: of one that is not empty, the kernel refuses it.
            FileCalls.Local.Rename(volume, FillName, volume, DataName);
            File.WriteAllBytes(Path.Combine(PathOf(name), FilledName), []);
        }
        catch (LinuxException e)
        {
            Discard(volume);
            throw StorageErrors.Translate(e, $"fill the volume '{name}' with the image's files", directory);
        }
        catch
        {
            Discard(volume);
            throw;
        }
    }

    private void Discard(SafeFileHandle volume)
    {
        try
        {
            TreeRemover.Remove(Calls, volume, FillName);
        }
        catch (Exception e) when (e is LinuxException or HostCapabilityException)
        {
            // The failure that led here is the one to tell; whoever fills or removes the volume next removes it.
        }
    }
}
