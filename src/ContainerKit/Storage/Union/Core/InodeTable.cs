using System.Runtime.Versioning;
using ContainerKit.Linux;

namespace ContainerKit.Storage.Union.Core;

/// <summary>
/// Gives objects their numbers, which stay the same over copy-up, renaming and being forgotten, and finds inodes by id and by what
/// they are on disk.
/// </summary>
/// <param name="keepsNumbers">Whether an object keeps its number when it is forgotten, and all its names share one.</param>
/// <param name="dealsAgain">Whether the number of an object that is gone is that of the next which the disk gives its place, as in AUFS.</param>
[SupportedOSPlatform("linux")]
internal sealed class InodeTable(bool keepsNumbers = true, bool dealsAgain = false)
{
    /// <summary>A number that no object has; those that are dealt come after it, as in AUFS, which keeps the first for itself.</summary>
    public const ulong NobodysNumber = 10;

    private readonly Lock _gate = new();
    private readonly Dictionary<DiskIdentity, ulong> _numbers = [];
    private readonly Dictionary<ulong, Inode> _byNumber = [];
    private readonly Stack<int> _free = [];
    private Inode?[] _slots = new Inode?[1024];
    private ulong _generation;
    private int _used;
    private ulong _lastNumber = NobodysNumber;

    /// <summary>The inode of an id that was given out and not taken back.</summary>
    public Inode? this[ulong id]
    {
        get
        {
            var slots = Volatile.Read(ref _slots);
            return id > 0 && id <= (ulong)slots.Length ? Volatile.Read(ref slots[id - 1]) : null;
        }
    }

    /// <summary>The inode that an object on disk is, made when it is met for the first time.</summary>
    public Inode Meet(in FileStat disk, FileKind kind, UnionBranch branch)
    {
        lock (_gate)
        {
            var number = Deal(disk);
            return keepsNumbers && _byNumber.TryGetValue(number, out var known) && known.Kind == kind ? known : Add(number, kind, branch);
        }
    }

    /// <summary>The number that an object on disk has or gets, for those who need no inode.</summary>
    public ulong NumberOf(in FileStat disk)
    {
        lock (_gate)
        {
            return Deal(disk);
        }
    }

    /// <summary>A second inode for one whose id has to go on meaning the old data.</summary>
    public Inode Succeed(Inode old, UnionBranch branch)
    {
        lock (_gate)
        {
            return Add(old.Number, old.Kind, branch);
        }
    }

    /// <summary>Notes that an object has been copied, and is the same to those who look.</summary>
    public void Equate(in FileStat disk, Inode inode)
    {
        lock (_gate)
        {
            _numbers[new DiskIdentity(disk.Device, disk.Inode)] = inode.Number;
        }
    }

    /// <summary>Notes that an object is gone from disk, where its number may soon mean another.</summary>
    public void Vanish(in FileStat disk)
    {
        var identity = new DiskIdentity(disk.Device, disk.Inode);
        lock (_gate)
        {
            if (!dealsAgain)
            {
                _numbers.Remove(identity);
            }
            else if (_numbers.TryGetValue(identity, out var number))
            {
                _byNumber.Remove(number);
            }
        }
    }

    /// <summary>Notes that an object on disk is not, or no longer, the one that it was taken for.</summary>
    public void Part(in FileStat disk)
    {
        lock (_gate)
        {
            _numbers.Remove(new DiskIdentity(disk.Device, disk.Inode));
        }
    }

    /// <summary>Whether an inode is known to be what lies there on disk.</summary>
    public bool Is(Inode inode, in FileStat disk)
    {
        lock (_gate)
        {
            return _numbers.TryGetValue(new DiskIdentity(disk.Device, disk.Inode), out var number) && number == inode.Number;
        }
    }

    /// <summary>Lets an inode go.</summary>
    public void Drop(Inode inode)
    {
        lock (_gate)
        {
            if (_byNumber.TryGetValue(inode.Number, out var known) && ReferenceEquals(known, inode))
            {
                _byNumber.Remove(inode.Number);
            }

            Volatile.Write(ref _slots[inode.Id - 1], null);
            _free.Push((int)inode.Id - 1);
        }
    }

    /// <summary>All inodes there are now.</summary>
    public List<Inode> All()
    {
        lock (_gate)
        {
            return [.. _slots.OfType<Inode>()];
        }
    }

    private ulong Deal(in FileStat disk)
    {
        if (!keepsNumbers)
        {
            return ++_lastNumber;
        }

        var identity = new DiskIdentity(disk.Device, disk.Inode);
        if (!_numbers.TryGetValue(identity, out var number))
        {
            number = ++_lastNumber;
            _numbers.Add(identity, number);
        }

        return number;
    }

    private Inode Add(ulong number, FileKind kind, UnionBranch branch)
    {
        Inode inode = kind == FileKind.Directory ? new DirectoryInode(number, branch) : new Inode(number, kind, branch);
        if (!_free.TryPop(out var slot))
        {
            slot = _used++;
            if (slot == _slots.Length)
            {
                var larger = new Inode?[_slots.Length * 2];
                _slots.CopyTo(larger, 0);
                Volatile.Write(ref _slots, larger);
            }
        }

        // An id comes again; together with the generation it never does.
        inode.Id = (ulong)slot + 1;
        inode.Generation = ++_generation;
        Volatile.Write(ref _slots[slot], inode);
        _byNumber[number] = inode;
        return inode;
    }

    private readonly record struct DiskIdentity(ulong Device, ulong Inode);
}
