using ContainerKit.Linux;
using ContainerKit.Storage.Union.Core;

namespace ContainerKit.Storage.Fuse;

// A union that gets other branches while it is used: the kernel has to forget what it knows of the old ones.
internal sealed partial class UnionFileSystem
{
    /// <summary>Whoever sets this attribute of the root asks for a remount; the kernel lets only those who may mount set attributes of its kind.</summary>
    public static ReadOnlySpan<byte> RemountAttribute => "trusted.ckunion.remount"u8;

    /// <summary>Gives the union other branches; null where that is not to be had, as in containers.</summary>
    public RemountHandler? Remounting { get; init; }

    private bool IsRemount(ulong node, ReadOnlySpan<byte> name) =>
        Remounting is not null && node == union.Root.Id && name.SequenceEqual(RemountAttribute);

    private int Remount(ReadOnlySpan<byte> wish)
    {
        // What the kernel writes by itself would go on going to a branch that may be read-only now.
        var errno = !Kernel.CanForgetNames ? Errno.ENOSYS : HasPassedWriters ? Errno.EBUSY : Remounting!(wish);
        if (errno != 0)
        {
            return errno;
        }

        Kernel.ForgetNames();
        foreach (var inode in union.Known())
        {
            Kernel.InvalidateAttributes(inode.Id);
            if (inode is DirectoryInode)
            {
                Kernel.ForgetListing(inode.Id);
            }
        }

        return 0;
    }
}

/// <summary>Does what a remount asks for.</summary>
/// <param name="wish">What was asked.</param>
/// <returns>0 or an <see cref="Errno"/>.</returns>
internal delegate int RemountHandler(ReadOnlySpan<byte> wish);
