using ContainerKit.Linux;

namespace ContainerKit.Storage.Union.Core;

// Several writable branches, as AUFS has them: what lies in one is changed there, and what is copied up or new goes to one of them.
internal sealed partial class UnionCore
{
    private int _turn;

    private UpperBranch? UpperOf(UnionBranch branch)
    {
        foreach (var each in _uppers)
        {
            if (ReferenceEquals(each.Branch, branch))
            {
                return each;
            }
        }

        return null;
    }

    /// <summary>A branch's place in the stack.</summary>
    private int PlaceOf(UnionBranch branch) => PartOf(Root.Parts!, branch);

    /// <summary>Which part of a directory is of a branch.</summary>
    private static int PartOf(List<BranchDirectory> parts, UnionBranch branch)
    {
        for (var i = 0; i < parts.Count; i++)
        {
            if (ReferenceEquals(parts[i].Branch, branch))
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>Where changes of a directory go: to the topmost branch that has it, or the next writable one above.</summary>
    private int TargetOf(DirectoryInode directory, out UpperBranch target)
    {
        target = Upper!;
        return _uppers.Count > 1 ? TargetAbove(directory, out target) : Upper is null ? Errno.EROFS : 0;
    }

    private int TargetAbove(DirectoryInode directory, out UpperBranch target)
    {
        target = Upper!;
        var errno = directory.IsRemoved ? Errno.ENOENT : PartsOf(directory, out _);
        if (errno != 0)
        {
            return errno;
        }

        var top = PlaceOf(directory.Parts![0].Branch);
        target = _uppers.FindLast(each => PlaceOf(each.Branch) <= top)!;
        return target is null ? Errno.EROFS : 0;
    }

    /// <summary>Where a name is taken away: in the branch that shows it, if that is writable.</summary>
    private int TargetFor(DirectoryInode directory, ReadOnlySpan<byte> name, out UpperBranch target)
    {
        var errno = TargetOf(directory, out target);
        var found = default(Finding);
        errno = errno != 0 || _uppers.Count <= 1 ? errno : _stack.Find(directory.Parts!, name, 0, out found);
        if (errno == 0 && _uppers.Count > 1 && found.Exists && UpperOf(directory.Parts![found.Part].Branch) is { } showing)
        {
            target = showing;
        }

        return errno;
    }

    /// <summary>Where something new goes.</summary>
    private int TargetForNew(DirectoryInode directory, in Finding found, out UpperBranch target)
    {
        var errno = TargetOf(directory, out target);
        if (errno != 0 || _uppers.Count <= 1)
        {
            return errno;
        }

        var usual = target;
        target = Choose(directory, usual);

        // What hides a name would hide the new object too.
        if (found.Whiteout is { } hiding && PlaceOf(hiding) < PlaceOf(target.Branch) && UpperOf(hiding) is { } above)
        {
            target = above;
        }

        return IsHidden(directory, target.Branch) ? Assign(usual, out target) : 0;
    }

    private UpperBranch Choose(DirectoryInode directory, UpperBranch usual)
    {
        var policy = _options.CreatePolicy;
        var having = _uppers.FindAll(each => PartOf(directory.Parts!, each.Branch) >= 0);
        var free = new Dictionary<ulong, long>();
        switch (policy.Rule)
        {
            case CreateRule.RoundRobin:
                return NextInTurn();
            case CreateRule.MostFree:
                return MostFree(_uppers, lowest: true);
            case CreateRule.MostFreeOrRoundRobin:
                var most = MostFree(_uppers, lowest: true);
                return FreeOf(most) < policy.Watermark ? NextInTurn() : most;
            case CreateRule.ParentMostFree:
                return having.Count == 0 ? usual : MostFree(having, lowest: false);
            case CreateRule.ParentMostFreeOrRoundRobin:
                var parent = having.Count == 0 ? usual : MostFree(having, lowest: false);
                return FreeOf(parent) < policy.Watermark ? NextInTurn() : parent;
            case CreateRule.TopDownUnlessFull:
                return _uppers.Find(each => FreeOf(each) > policy.Watermark) ?? MostFree(_uppers, lowest: true);
            default:
                return usual;
        }

        UpperBranch NextInTurn() => _uppers[_turn++ % _uppers.Count];

        UpperBranch MostFree(List<UpperBranch> all, bool lowest)
        {
            var most = all.Max(FreeOf);
            return lowest ? all.FindLast(each => FreeOf(each) == most)! : all.Find(each => FreeOf(each) == most)!;
        }

        // Branches of one file system have the same, even if somebody writes between two questions.
        long FreeOf(UpperBranch upper)
        {
            var device = _calls.Stat(upper.Branch.Root).Device;
            if (!free.TryGetValue(device, out var bytes))
            {
                bytes = DataCalls.TryGetSpace(upper.Branch.Root, out var space) == 0 ? (long)(space.BlocksAvailable * space.FragmentSize) : 0;
                free.Add(device, bytes);
            }

            return bytes;
        }
    }

    /// <summary>Whether what a branch had in a directory could not be seen, because a directory above it is opaque.</summary>
    private bool IsHidden(DirectoryInode directory, UnionBranch branch)
    {
        var place = PlaceOf(branch);
        for (var each = directory; !ReferenceEquals(each, Root); each = each.Name!.Directory)
        {
            if (each.Name is null || PartsOf(each, out var parts) != 0)
            {
                return true;
            }

            if (PartOf(parts, branch) >= 0)
            {
                return false;
            }

            foreach (var part in parts)
            {
                if (PlaceOf(part.Branch) < place && (_dialect.ReadMarks(_calls, part.Branch, part.Handle) & DirectoryMarks.Opaque) != 0)
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>
    /// A directory shows the times of its topmost part, so that one takes over those of the part that was changed below it: both, as AUFS does.
    /// </summary>
    private void LiftTimes(DirectoryInode directory, in BranchDirectory changed)
    {
        if (_uppers.Count <= 1 || directory.Parts is not [{ Branch.IsWritable: true } top, ..] || ReferenceEquals(top.Branch, changed.Branch))
        {
            return;
        }

        // The change itself is done: times that cannot be set do not make it fail.
        if (_calls.TryStat(changed.Handle, default, out var below) == 0 && _calls.TryStat(top.Handle, default, out var above) == 0
            && above.ModifiedTime.CompareTo(below.ModifiedTime) < 0)
        {
            _ = _calls.TrySetTimes(top.Handle, default, below.AccessTime, below.ModifiedTime);
        }
    }

    private static int Assign(UpperBranch value, out UpperBranch target)
    {
        target = value;
        return 0;
    }
}
