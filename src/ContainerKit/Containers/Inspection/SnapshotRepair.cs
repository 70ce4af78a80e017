using System.Runtime.Versioning;
using ContainerKit.Containers.Catalog;
using ContainerKit.Storage;

namespace ContainerKit.Containers.Inspection;

/// <summary>Unpacks damaged snapshots again, unless something stands on them that is not in any layer.</summary>
/// <param name="containers">The containers, which stand on snapshots.</param>
/// <param name="sound">The images whose blobs are all right: theirs can be unpacked.</param>
/// <param name="canTellAll">Whether these are all images, so that what none of them has is nobody's.</param>
/// <param name="failures">Gets, by the sentence that tells the damage, why it could not be repaired, and what helps.</param>
/// <param name="cancellationToken">Gives up.</param>
[SupportedOSPlatform("linux")]
internal sealed class SnapshotRepair(
    ContainerCatalog containers, IReadOnlyList<Image> sound, bool canTellAll, Dictionary<string, (string Why, string? Hint)> failures, CancellationToken cancellationToken)
{
    private readonly HashSet<string> _unpackable = [.. sound.Where(image => image.Config.Platform.OperatingSystem is "linux" or "").SelectMany(containers.Unpacker.NamesOf)];
    private readonly Dictionary<string, string> _standsOn = UsersOf(containers);

    public void Run(IReadOnlyList<SnapshotDamage> damages)
    {
        var wanted = damages.SelectMany(damage => (string?[])[damage.Id, damage.MissingParent]).OfType<string>()
            .Concat(_unpackable.Where(name => IsThere(name)))
            .Select(name => SnapshotStore.StackedName(name) ?? name)
            .ToHashSet(StringComparer.Ordinal);
        foreach (var damage in damages.Where(damage => damage.MissingParent is not { } missing || !_unpackable.Contains(missing)))
        {
            if (WhyNot(damage) is var (why, hint))
            {
                failures[damage.Problem] = (why, hint);
            }
        }

        foreach (var image in sound.Where(image => containers.Unpacker.NamesOf(image).Any(wanted.Contains)))
        {
            Restore(image, wanted, damages);
        }
    }

    private static Dictionary<string, string> UsersOf(ContainerCatalog containers)
    {
        var users = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var record in containers.Ids().Select(containers.TryReadSafely).OfType<ContainerRecord>())
        {
            users[record.Id] = record.Label;
            if (record.ParentSnapshot is { } parent)
            {
                users.TryAdd(parent, record.Label);
            }
        }

        return users;
    }

    private (string Why, string Hint)? WhyNot(SnapshotDamage damage)
    {
        const string TakeAlong = "Take out of the container what is worth it ('ckit cp', 'ckit diff'), remove it, and repair once more.";
        if (SnapshotNames.KindOf(damage.Directory) != SnapshotKind.Committed || (damage.Id is { } own && SnapshotStore.ThawedName(own) is not null))
        {
            return ("It is a container's own, and nothing else has what was in it.", TakeAlong);
        }

        var name = damage.Id is { } id ? SnapshotStore.StackedName(id) ?? id : null;
        if ((name is null || !_unpackable.Contains(name)) && !canTellAll)
        {
            return ("It stays, because the image that it is of may be among those that are damaged.", "Repair the images first.");
        }

        return containers.Snapshots.TryDiscard(damage, WhyKept, cancellationToken) is { } why ? ($"It is not unpacked again: {why}.", TakeAlong) : null;
    }

    private string? WhyKept(string name, SnapshotKind kind)
    {
        if (_standsOn.TryGetValue(SnapshotStore.ThawedName(name) ?? name, out var label))
        {
            return $"the container '{label}' stands on it, and nothing is taken from under that";
        }

        if (kind != SnapshotKind.Committed || SnapshotStore.ThawedName(name) is not null)
        {
            return $"'{name}' stands on it, which is no image's";
        }

        return _unpackable.Contains(SnapshotStore.StackedName(name) ?? name) || canTellAll ? null : $"'{name}' stands on it, and no image in the store has its layers";
    }

    private void Restore(Image image, HashSet<string> wanted, IReadOnlyList<SnapshotDamage> damages)
    {
        try
        {
            containers.Unpacker.Restore(image, wanted.Contains, cancellationToken);
        }
        catch (Exception e) when (e is ContainerKitException or IOException or UnauthorizedAccessException)
        {
            foreach (var damage in damages.Where(damage => !failures.ContainsKey(damage.Problem)))
            {
                failures[damage.Problem] = ($"It cannot be unpacked again: {e.Message}", (e as ContainerKitException)?.Hint);
            }
        }
    }

    private bool IsThere(string name)
    {
        try
        {
            return containers.Snapshots.TryFind(name) is not null;
        }
        catch (StorageException)
        {
            // It is there, and damaged.
            return true;
        }
    }
}
