using ContainerKit.Linux;

namespace ContainerKit.Storage.Union.Core;

// Listing directories: one name after the other, from a cursor on.
internal sealed partial class UnionCore
{
    /// <summary>The next name of a directory.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="wantsInode">Whether what the name stands for will be used, and not only told.</param>
    /// <param name="cursor">0, or where the last call ended; is moved behind the name.</param>
    /// <param name="name">The name; null at the end.</param>
    /// <param name="inode">What it stands for, with one lookup more, if that is wanted; null where it can be told and not be used.</param>
    /// <param name="number">Its number; 0 where it can be told and not be used.</param>
    /// <param name="stat">Its attributes.</param>
    /// <returns>0 or an <see cref="Errno"/>.</returns>
    public int TryNext(DirectoryInode directory, bool wantsInode, ref ulong cursor, out byte[]? name, out Inode? inode, out ulong number, out FileStat stat)
    {
        (name, inode, number, stat) = (null, null, 0, default);
        _tree.EnterReadLock();
        try
        {
            var errno = ListingAt(directory, ref cursor, out var listing);
            while (errno == 0 && (name = listing!.After(cursor)) is not null)
            {
                cursor++;
                var outcome = wantsInode ? TryFind(directory, name, out inode, out stat) : TryPeek(directory, name, out number, out stat);
                if (outcome == 0)
                {
                    number = inode?.Number ?? number;
                    inode?.AddLookups(1);
                    return 0;
                }

                // A name that is told and cannot be used, or, where the listing is remembered in spite of direct changes, may be gone.
                (inode, number) = (null, 0);
                if (outcome is Errno.EPERM or Errno.ENAMETOOLONG or Errno.EIO
                    || (outcome == Errno.ENOENT && _options.DirectChanges == DirectChanges.OfKnownNames))
                {
                    return 0;
                }
            }

            return errno;
        }
        finally
        {
            _tree.ExitReadLock();
        }
    }

    /// <summary>What a directory's own listing says of its <c>.</c>: of the root, AUFS shows a number of the branch.</summary>
    public ulong NumberOfDot(DirectoryInode directory) => ReferenceEquals(directory, Root) ? _outsideNumber : directory.Number;

    /// <summary>What a directory's listing says of its <c>..</c>.</summary>
    public ulong NumberOfDotDot(DirectoryInode directory) => NumberOfDot(directory.Name?.Directory ?? directory);

    private int ListingAt(DirectoryInode directory, ref ulong cursor, out Listing? listing)
    {
        listing = null;
        lock (directory)
        {
            if (cursor != 0)
            {
                listing = directory.Listing?.Has(cursor) == true ? directory.Listing
                    : directory.PreviousListing?.Has(cursor) == true ? directory.PreviousListing
                    : null;
                return listing is null ? Errno.EINVAL : 0;
            }

            if (directory.Listing is not { IsStale: false } || _options.DirectChanges == DirectChanges.OfEverything)
            {
                if (directory.IsRemoved)
                {
                    return Errno.ENOENT;
                }

                var errno = PartsOf(directory, out var parts);
                if (errno != 0)
                {
                    return errno;
                }

                // The host's own order is kept: whoever lists expects the names of the topmost branch first.
                var names = _stack.ReadNames(parts).ConvertAll(static each => each.Name);
                directory.PreviousListing = directory.Listing;
                directory.Listing = new Listing(Interlocked.Increment(ref _listings), names);
            }

            listing = directory.Listing;
            cursor = listing.Start;
            return 0;
        }
    }

    private static void NoteNew(DirectoryInode directory, byte[] name)
    {
        directory.Listing?.Add(name);
        directory.PreviousListing?.Add(name);
    }

    private static void NoteGone(DirectoryInode directory)
    {
        if (directory.Listing is { } listing)
        {
            listing.IsStale = true;
        }
    }

    /// <summary>0 when nothing shows in a directory, ENOTEMPTY when something does.</summary>
    private int RequireEmpty(DirectoryInode directory)
    {
        var errno = PartsOf(directory, out var parts);
        return errno != 0 ? errno : _stack.ReadNames(parts).Count > 0 ? Errno.ENOTEMPTY : 0;
    }
}
