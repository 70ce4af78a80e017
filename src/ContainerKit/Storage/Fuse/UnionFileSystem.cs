using System.Runtime.Versioning;
using ContainerKit.Linux;
using ContainerKit.Storage.Union;
using ContainerKit.Storage.Union.Core;

namespace ContainerKit.Storage.Fuse;

/// <summary>A union as the kernel's FUSE client asks for it: ids become inodes, attributes take the wire's form.</summary>
/// <remarks>
/// Nothing in it has a lifetime, for the union's server is the only one who changes it, unless it is told that there are others. Directories have no handles, because listings are kept
/// with the directory. Files: UnionFileSystem.cs (names), .Files.cs (data), .Attributes.cs, .Remount.cs.
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed partial class UnionFileSystem(UnionCore union) : FuseFileSystem
{
    private FuseKernel? _kernel;

    private FuseKernel Kernel => _kernel!;

    private ulong Validity => union.DirectChanges == DirectChanges.AreNotMade ? FuseEntry.Forever : 0;

    /// <summary>The union that is served; it goes with the mount.</summary>
    public UnionCore Union => union;

    public override void Start(FuseKernel kernel)
    {
        _kernel = kernel;

        // A file that is passed through must be the right one when it is opened; there is no later.
        union.CopiesUpAtOpen = union.Dialect is not AufsDialect || kernel.Passthrough.IsActive;
        union.Touched = inode => kernel.InvalidateAttributes(inode.Id);
    }

    public override void Stop() => union.Dispose();

    public override int Lookup(in FuseRequest request, ulong parent, ReadOnlySpan<byte> name, out FuseEntry entry)
    {
        entry = default;
        if (union.Find(parent) is not DirectoryInode directory)
        {
            return Errno.ESTALE;
        }

        var errno = union.LookUp(directory, name, out var inode, out var stat);
        switch (errno)
        {
            case 0:
                entry = EntryOf(inode, stat);
                return 0;
            case Errno.ENOENT when !directory.IsRemoved && union.DirectChanges != DirectChanges.OfEverything:
                entry.EntryValid = FuseEntry.Forever;
                return 0;
            default:
                return errno;
        }
    }

    public override void Forget(ulong node, ulong count)
    {
        if (union.Find(node) is { } inode)
        {
            if (inode.Lookups <= (long)count)
            {
                LetBackingGo(inode);
            }

            union.Forget(inode, count);
        }
    }

    public override int MakeNode(in FuseRequest request, ulong parent, ReadOnlySpan<byte> name, uint mode, uint device, out FuseEntry entry)
    {
        var wanted = new NewObject(FileStat.KindOf(mode), mode & 0xFFF, FuseAttributes.DeviceMajor(device), FuseAttributes.DeviceMinor(device));
        return Make(request, parent, name, wanted, out entry);
    }

    public override int MakeDirectory(in FuseRequest request, ulong parent, ReadOnlySpan<byte> name, uint mode, out FuseEntry entry) =>
        Make(request, parent, name, new NewObject(FileKind.Directory, mode & 0xFFF), out entry);

    public override int MakeSymlink(in FuseRequest request, ulong parent, ReadOnlySpan<byte> name, ReadOnlySpan<byte> target, out FuseEntry entry) =>
        Make(request, parent, name, new NewObject(FileKind.Symlink, 0x1FF) { Target = target.ToArray() }, out entry);

    public override int Unlink(in FuseRequest request, ulong parent, ReadOnlySpan<byte> name) =>
        union.Find(parent) is DirectoryInode directory ? union.Remove(directory, name, isDirectory: false) : Errno.ESTALE;

    public override int RemoveDirectory(in FuseRequest request, ulong parent, ReadOnlySpan<byte> name) =>
        union.Find(parent) is DirectoryInode directory ? union.Remove(directory, name, isDirectory: true) : Errno.ESTALE;

    public override int Rename(
        in FuseRequest request, ulong oldParent, ReadOnlySpan<byte> oldName, ulong newParent, ReadOnlySpan<byte> newName, RenameFlags flags) =>
        union.Find(oldParent) is DirectoryInode from && union.Find(newParent) is DirectoryInode to
            ? union.Rename(from, oldName, to, newName, flags)
            : Errno.ESTALE;

    public override int Link(in FuseRequest request, ulong node, ulong newParent, ReadOnlySpan<byte> newName, out FuseEntry entry)
    {
        entry = default;
        if (union.Find(node) is not { } inode || union.Find(newParent) is not DirectoryInode directory)
        {
            return Errno.ESTALE;
        }

        var errno = union.Link(inode, directory, newName, out var stat);
        if (errno == 0)
        {
            entry = EntryOf(inode, stat);
        }

        return errno;
    }

    public override int ReadLink(in FuseRequest request, ulong node, Span<byte> target, out int length)
    {
        length = 0;
        return union.Find(node) is { } inode ? union.ReadLink(inode, target, out length) : Errno.ESTALE;
    }

    public override int ReadDirectory(in FuseRequest request, ulong node, ulong handle, ulong offset, ref FuseDirectoryWriter writer)
    {
        const int LongestName = 255;
        const uint Directory = 0x4000;
        if (union.Find(node) is not DirectoryInode directory)
        {
            return Errno.ESTALE;
        }

        if ((offset == 0 && !writer.TryAdd("."u8, union.NumberOfDot(directory), Directory, ++offset))
            || (offset == 1 && !writer.TryAdd(".."u8, union.NumberOfDotDot(directory), Directory, ++offset)))
        {
            return 0;
        }

        // The union's own cursors are larger than any that stands for these two.
        var cursor = offset == 2 ? 0 : offset;
        while (writer.Fits(LongestName))
        {
            var errno = union.TryNext(directory, writer.WantsAttributes, ref cursor, out var name, out var inode, out var number, out var stat);
            if (errno != 0 || name is null)
            {
                return errno;
            }

            if (inode is not null)
            {
                writer.TryAdd(name, EntryOf(inode, stat), cursor);
            }
            else if (number != 0)
            {
                writer.TryAdd(name, number, stat.RawMode, cursor);
            }
            else
            {
                writer.TryAdd(name, ulong.MaxValue, 0, cursor);
            }
        }

        return 0;
    }

    public override int SynchronizeDirectory(in FuseRequest request, ulong node, ulong handle, bool dataOnly) =>
        union.Find(node) is DirectoryInode directory ? union.SynchronizeDirectory(directory) : Errno.ESTALE;

    private static Caller CallerOf(in FuseRequest request) => new(request.UserId, request.GroupId, request.Umask);

    private int Make(in FuseRequest request, ulong parent, ReadOnlySpan<byte> name, in NewObject wanted, out FuseEntry entry)
    {
        entry = default;
        if (union.Find(parent) is not DirectoryInode directory)
        {
            return Errno.ESTALE;
        }

        var errno = union.Make(directory, name, wanted, CallerOf(request), out var inode, out var stat);
        if (errno == 0)
        {
            entry = EntryOf(inode, stat);
        }

        return errno;
    }

    private FuseEntry EntryOf(Inode inode, in FileStat stat)
    {
        // Of several names of a lower file the union must know which one is meant, and only a lookup tells it.
        var isAmbiguous = stat.LinkCount > 1 && inode.Kind != FileKind.Directory && union.Dialect is AufsDialect && (inode.Link is not null || !inode.Branch.IsWritable);
        return new FuseEntry
        {
            NodeId = inode.Id,
            Generation = inode.Generation,
            EntryValid = isAmbiguous ? 0 : Validity,
            AttributesValid = Validity,
            Attributes = FuseAttributes.From(stat, inode.Number),
        };
    }
}
