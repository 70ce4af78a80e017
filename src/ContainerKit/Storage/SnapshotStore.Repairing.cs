namespace ContainerKit.Storage;

// How a damaged snapshot makes way for one that is unpacked anew: never from under somebody who stands on it.
internal sealed partial class SnapshotStore
{
    /// <summary>
    /// Removes a damaged snapshot, and what else was unpacked on top of it: all of it can be unpacked again. Who dies on the way leaves
    /// less, and nothing that is worse.
    /// </summary>
    /// <param name="damage">The snapshot.</param>
    /// <param name="whyKept">Why a snapshot of a name and kind must stay, as the beginning of a sentence; null when it may go.</param>
    /// <param name="ct">Gives up before the first is removed.</param>
    /// <returns>Null when it is gone; otherwise why it is not.</returns>
    public string? TryDiscard(SnapshotDamage damage, Func<string, SnapshotKind, string?> whyKept, CancellationToken ct)
    {
        using var store = LockStore(exclusive: true, ct);
        var directory = Path.Combine(_directory, damage.Directory);
        var others = ReadableOnes().Where(snapshot => snapshot.Parents.Any(parent => parent.Directory == directory)).ToList();
        var kept = (damage.Id is { } id ? whyKept(id, SnapshotKind.Committed) : null) ?? others.Select(other => whyKept(other.Id, other.Kind)).FirstOrDefault(why => why is not null);
        if (kept is not null)
        {
            return kept;
        }

        // Those on top go first, so that at no time something stands on nothing.
        foreach (var doomed in others.OrderByDescending(snapshot => snapshot.Parents.Count).Select(snapshot => snapshot.Directory).Append(directory))
        {
            switch (DirectoryLock.TryTake(doomed, exclusive: true, out var itsLock))
            {
                case LockResult.Busy:
                    return "a task or process uses it just now";
                case LockResult.Taken:
                    using (itsLock)
                    {
                        RemoveLocked(doomed, itsLock!);
                    }

                    break;
            }
        }

        return null;
    }

    /// <summary>The name of the snapshot whose files were frozen to this; null when it is no such one.</summary>
    public static string? ThawedName(string name) => name.StartsWith(FrozenPrefix, StringComparison.Ordinal) ? name[FrozenPrefix.Length..name.LastIndexOf(' ')] : null;

    /// <summary>The name of the snapshot that this is the flattened form of; null when it is no such one.</summary>
    public static string? StackedName(string name) => name.StartsWith(FlatNameOf(""), StringComparison.Ordinal) ? name[FlatNameOf("").Length..] : null;

    private List<Snapshot> ReadableOnes()
    {
        var readable = new List<Snapshot>();
        foreach (var name in Directory.EnumerateDirectories(_directory).Select(path => Path.GetFileName(path)))
        {
            try
            {
                if (TryRead(name) is { } snapshot)
                {
                    readable.Add(snapshot);
                }
            }
            catch (StorageException)
            {
                // Another damaged one: what it stood on, nobody can tell.
            }
        }

        return readable;
    }
}
