using System.Runtime.CompilerServices;
using System.Runtime.Versioning;
using System.Text;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union;

/// <summary>
/// As AUFS keeps it: an empty file <c>.wh.NAME</c> says that NAME is gone, a file <c>.wh..wh..opq</c> in a directory that nothing
/// from below shows in it. Both are hard links to the branch's <c>.wh..wh.aufs</c>.
/// </summary>
[SupportedOSPlatform("linux")]
[SkipLocalsInit]
internal sealed class AufsDialect : IWhiteoutDialect
{
    private const int NameBytes = 512, WhiteoutMode = 0x124;

    private readonly bool _showsWhiteouts;

    private AufsDialect(bool showsWhiteouts) => _showsWhiteouts = showsWhiteouts;

    public static AufsDialect Instance { get; } = new(showsWhiteouts: false);

    /// <summary>As with AUFS's <c>shwh</c>: whiteouts hide, and are to be seen themselves. For unions that nobody writes to.</summary>
    public static AufsDialect ShowingWhiteouts { get; } = new(showsWhiteouts: true);

    public static ReadOnlySpan<byte> Prefix => ".wh."u8;

    /// <summary>How the names begin that are no whiteouts.</summary>
    public static ReadOnlySpan<byte> OwnPrefix => ".wh..wh."u8;

    public static ReadOnlySpan<byte> OpaqueName => ".wh..wh..opq"u8;

    /// <summary>The file, in the root of a writable branch, that whiteouts and opaque marks are further names of.</summary>
    public static ReadOnlySpan<byte> BaseName => ".wh..wh.aufs"u8;

    /// <summary>The directory, in the root of a writable branch, of lower files with several names of which one was copied up.</summary>
    public static ReadOnlySpan<byte> LinksName => ".wh..wh.plnk"u8;

    /// <summary>The directory, in the root of a writable branch, of what has no name any more, or not yet.</summary>
    public static ReadOnlySpan<byte> OrphansName => ".wh..wh.orph"u8;

    // Room for ".wh..wh." and ".XXXX" beside the name in what a file system allows.
    public int MaxNameLength => 242;

    public bool IsWhiteoutTheName => false;

    public bool MergesAcrossFiles => true;

    public bool MayRenameLeaveWhiteout => false;

    public int CheckName(FileName name)
    {
        Span<byte> bytes = name.MaxBytes <= NameBytes ? stackalloc byte[NameBytes] : new byte[name.MaxBytes];
        bytes = bytes[..name.WriteTo(bytes)];
        return bytes.Length > MaxNameLength ? Errno.ENAMETOOLONG : bytes.StartsWith(Prefix) && !IsShownWhiteout(bytes) ? Errno.EPERM : 0;
    }

    public bool IsShownWhiteout(ReadOnlySpan<byte> entry) =>
        _showsWhiteouts && entry.Length > Prefix.Length && entry.StartsWith(Prefix) && !IsBranchOwn(entry);

    public int TryFind(FileCalls calls, in BranchDirectory directory, FileName name, out FileStat stat, out Sight sight)
    {
        sight = Sight.Absent;
        var errno = calls.TryStat(directory.Handle, name, out stat);
        if (errno is not (0 or Errno.ENOENT))
        {
            return errno;
        }

        var isThere = errno == 0;
        if (directory.Branch.HonoursWhiteouts)
        {
            Span<byte> scratch = stackalloc byte[NameBytes];
            errno = calls.TryStat(directory.Handle, WhiteoutOf(name, scratch), out var mark);
            if (errno == 0)
            {
                // A whiteout of another type is nothing that AUFS wrote, and neither are both at once in a branch that it writes to.
                sight = Sight.Whiteout;
                return !mark.IsRegular || (isThere && directory.Branch.IsWritable) ? Errno.EIO : 0;
            }

            if (errno != Errno.ENOENT)
            {
                return errno;
            }
        }

        sight = isThere ? Sight.Present : Sight.Absent;
        return 0;
    }

    public Sight Classify(FileCalls calls, in BranchDirectory directory, ReadOnlySpan<byte> entry, FileKind? kind, out ReadOnlySpan<byte> name)
    {
        name = entry;
        if (!entry.StartsWith(Prefix) || entry.Length == Prefix.Length)
        {
            // ".wh." hides no name, so a listing shows it. It cannot be used all the same.
            return Sight.Present;
        }

        name = entry[Prefix.Length..];
        return IsBranchOwn(entry) || !directory.Branch.HonoursWhiteouts ? Sight.Absent : Sight.Whiteout;
    }

    public DirectoryMarks ReadMarks(FileCalls calls, UnionBranch branch, SafeFileHandle directory)
    {
        if (!branch.HonoursWhiteouts)
        {
            return DirectoryMarks.None;
        }

        var errno = calls.TryStat(directory, OpaqueName, out var mark);
        if (errno == Errno.ENOENT)
        {
            return DirectoryMarks.None;
        }

        LinuxException.ThrowIf(errno != 0 ? errno : mark.IsRegular ? 0 : Errno.EIO, $"read what a directory of a branch says of itself");
        return DirectoryMarks.Opaque;
    }

    public void RefuseForeign(FileCalls calls, SafeFileHandle directory, FileName name, string path)
    {
    }

    public int MakeWhiteout(FileCalls calls, UnionBranch branch, SafeFileHandle directory, FileName name) =>
        Mark(calls, branch, directory, WhiteoutOf(name, stackalloc byte[NameBytes]));

    public int RemoveWhiteout(FileCalls calls, SafeFileHandle directory, FileName name)
    {
        var errno = calls.TryUnlink(directory, WhiteoutOf(name, stackalloc byte[NameBytes]), isDirectory: false);
        return errno == Errno.ENOENT ? 0 : errno;
    }

    public int MakeOpaque(FileCalls calls, UnionBranch branch, SafeFileHandle directory, FileName name)
    {
        if (name.IsEmpty)
        {
            return Mark(calls, branch, directory, OpaqueName);
        }

        var errno = calls.TryOpen(directory, name, OpenFlags.PathOnly | OpenFlags.Directory | OpenFlags.NoFollow, 0, Resolve.NoSymlinks, out var handle);
        using (handle)
        {
            return errno != 0 ? errno : Mark(calls, branch, handle, OpaqueName);
        }
    }

    public bool IsBranchOwn(ReadOnlySpan<byte> entry) => entry.StartsWith(OwnPrefix);

    // AUFS copies every attribute up, even overlayfs's; a layer must not have those all the same.
    public bool IsOwnAttribute(string attribute) => OverlayDialect.IsOverlayAttribute(attribute);

    public string? WhyUnrepresentable(FileKind kind, uint major, uint minor) => null;

    /// <summary>Makes what AUFS expects in the root of a branch that it writes to, as far as it is not there.</summary>
    /// <param name="calls">Who makes the calls.</param>
    /// <param name="root">The branch's root.</param>
    /// <param name="withLinks">Whether lower files with several names are kept together (AUFS's <c>plink</c>).</param>
    /// <param name="withBase">Whether whiteouts are names of one file, and so that file is needed.</param>
    /// <returns>0, or <see cref="Errno.EINVAL"/> when one of the names is something else, or another <see cref="Errno"/>.</returns>
    public static int Prepare(FileCalls calls, SafeFileHandle root, bool withLinks = true, bool withBase = true)
    {
        var errno = withBase ? MakeBase(calls, root) : 0;
        errno = errno != 0 || !withLinks ? errno : MakeOwnDirectory(calls, root, LinksName);
        return errno != 0 ? errno : MakeOwnDirectory(calls, root, OrphansName);
    }

    /// <summary>The hidden name under which a directory is emptied before it is removed.</summary>
    public static byte[] NameForRemoval(FileName name, int number)
    {
        Span<byte> bytes = stackalloc byte[NameBytes];
        bytes = bytes[..name.WriteTo(bytes)];
        return [.. OwnPrefix, .. bytes, .. Encoding.ASCII.GetBytes($".{number & 0xFFFF:x4}")];
    }

    /// <summary>Whether an entry of a branch is a whiteout or an opaque mark.</summary>
    public static bool IsMark(string entry) =>
        entry.StartsWith(".wh.", StringComparison.Ordinal) && (entry == ".wh..wh..opq" || !entry.StartsWith(".wh..wh.", StringComparison.Ordinal));

    private static int MakeBase(FileCalls calls, SafeFileHandle root)
    {
        var errno = calls.TryStat(root, BaseName, out var stat);
        if (errno != Errno.ENOENT)
        {
            return errno != 0 ? errno : stat.IsRegular ? 0 : Errno.EINVAL;
        }

        errno = calls.TryMakeNode(root, BaseName, FileTypeBits.Regular | WhiteoutMode, 0, 0);
        return errno != 0 ? errno : calls.TrySetMode(root, BaseName, WhiteoutMode);
    }

    private static int MakeOwnDirectory(FileCalls calls, SafeFileHandle root, ReadOnlySpan<byte> name)
    {
        const int Private = 0x1C0;
        var errno = calls.TryStat(root, name, out var stat);
        if (errno != Errno.ENOENT)
        {
            return errno != 0 ? errno : stat.IsDirectory ? 0 : Errno.EINVAL;
        }

        return calls.TryMakeDirectory(root, name, Private);
    }

    private static int Mark(FileCalls calls, UnionBranch branch, SafeFileHandle directory, ReadOnlySpan<byte> mark)
    {
        var isSeparate = (branch.Options & BranchOptions.SeparateWhiteouts) != 0;
        var errno = isSeparate ? MakeSeparate(calls, directory, mark) : calls.TryLink(branch.Root, BaseName, directory, mark);
        if (errno == Errno.ENOENT && !isSeparate)
        {
            // Only now: a layer without a whiteout has no need of it. To the root's times this is nothing.
            errno = calls.TryStat(branch.Root, default, out var times);
            errno = errno != 0 ? errno : MakeBase(calls, branch.Root);
            errno = errno != 0 ? errno : calls.TrySetTimes(branch.Root, default, times.AccessTime, times.ModifiedTime);
            errno = errno != 0 ? errno : calls.TryLink(branch.Root, BaseName, directory, mark);
        }

        // A file has no more than 65,000 names on ext4.
        errno = errno == Errno.EMLINK ? MakeSeparate(calls, directory, mark) : errno;
        return errno == Errno.EEXIST ? 0 : errno;
    }

    private static int MakeSeparate(FileCalls calls, SafeFileHandle directory, ReadOnlySpan<byte> mark)
    {
        var errno = calls.TryMakeNode(directory, mark, FileTypeBits.Regular | WhiteoutMode, 0, 0);
        return errno != 0 ? errno : calls.TrySetMode(directory, mark, WhiteoutMode);
    }

    private static Span<byte> WhiteoutOf(FileName name, Span<byte> scratch)
    {
        var buffer = name.MaxBytes + Prefix.Length <= scratch.Length ? scratch : new byte[name.MaxBytes + Prefix.Length];
        Prefix.CopyTo(buffer);
        return buffer[..(Prefix.Length + name.WriteTo(buffer[Prefix.Length..]))];
    }
}
