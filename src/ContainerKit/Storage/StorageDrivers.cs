using ContainerKit.Storage.Aufs;
using ContainerKit.Storage.Overlay;
using ContainerKit.Storage.Vfs;

namespace ContainerKit.Storage;

/// <summary>Which driver a store uses, and why not another: the best that works, or the one that was asked for and nothing else.</summary>
/// <param name="Driver">The driver that was chosen.</param>
/// <param name="NotTaken">The drivers that would have been better, each with the reason why it was not taken.</param>
internal sealed record StorageDrivers(IStorageDriver Driver, IReadOnlyList<DriverVerdict> NotTaken)
{
    // The best first. One driver may be there in several forms, of which whoever asks for it by name gets the first that works.
    private static readonly IReadOnlyList<Choice> BuiltIn =
    [
        new("overlay", new OverlayDriver()),
        new("aufs-kernel", new AufsDriver(AufsForm.Kernel)),
        new("aufs-fuse", new AufsDriver(AufsForm.Fuse)),
        new("vfs", new VfsDriver()),
        new("aufs-files", new AufsDriver(AufsForm.InProcess), IsTakenOnlyByName: true),
    ];

    /// <summary>What every driver says of a directory: for a report.</summary>
    public static IReadOnlyList<DriverVerdict> Examine(string storeDirectory) =>
        [.. BuiltIn.Where(choice => choice.Label != "aufs-files").Select(choice => new DriverVerdict(choice.Label, choice.Driver.WhyUnsupported(storeDirectory)))];

    /// <summary>Chooses.</summary>
    /// <param name="storeDirectory">An existing directory.</param>
    /// <param name="name">The only one that will do; null for the best that works. Added drivers are taken only by name.</param>
    /// <param name="extra">Drivers that the library does not bring.</param>
    /// <exception cref="ArgumentException">There is no driver of that name.</exception>
    /// <exception cref="StorageException">The one that was asked for, or every one, does not work here; the message says why.</exception>
    public static StorageDrivers Choose(string storeDirectory, string? name = null, IReadOnlyList<IStorageDriver>? extra = null)
    {
        var all = All(extra);
        var candidates = name is null ? BuiltIn.Where(choice => !choice.IsTakenOnlyByName) : all.Where(choice => choice.Driver.Name == name);
        var notTaken = new List<DriverVerdict>();
        foreach (var (label, driver, _) in candidates)
        {
            if (driver.WhyUnsupported(storeDirectory) is not { } reason)
            {
                return new StorageDrivers(driver, notTaken);
            }

            notTaken.Add(new DriverVerdict(label, reason));
        }

        if (name is not null)
        {
            throw notTaken is [var only]
                ? new StorageException($"The storage driver '{name}' does not work in '{storeDirectory}': {only.WhyUnsupported}")
                : new ArgumentException($"There is no storage driver '{name}'; there are {string.Join(", ", all.Select(choice => choice.Driver.Name).Distinct())}.", nameof(name));
        }

        throw new StorageException($"No storage driver works in '{storeDirectory}': {string.Join(" ", notTaken.Select(verdict => $"{verdict.Name}: {verdict.WhyUnsupported}"))}");
    }

    /// <summary>All there is: what was added hides what is built in and has the same name.</summary>
    private static IReadOnlyList<Choice> All(IReadOnlyList<IStorageDriver>? extra)
    {
        var added = (extra ?? []).DistinctBy(driver => driver.Name, StringComparer.Ordinal).Select(driver => new Choice(driver.Name, driver, IsTakenOnlyByName: true)).ToList();
        return [.. added, .. BuiltIn.Where(choice => added.TrueForAll(other => other.Driver.Name != choice.Driver.Name))];
    }

    private sealed record Choice(string Label, IStorageDriver Driver, bool IsTakenOnlyByName = false);
}

/// <summary>What a driver says of a directory.</summary>
/// <param name="Name">The driver's name.</param>
/// <param name="WhyUnsupported">Why it does not work there, as a sentence; null when it works.</param>
internal sealed record DriverVerdict(string Name, string? WhyUnsupported);
