using ContainerKit.Storage.Overlay;
using ContainerKit.Storage.Vfs;

namespace ContainerKit.Storage;

/// <summary>Which driver a store uses, and why not another: the best that works, or the one that was asked for and nothing else.</summary>
/// <param name="Driver">The driver that was chosen.</param>
/// <param name="NotTaken">The drivers that would have been better, each with the reason why it was not taken.</param>
internal sealed record StorageDrivers(IStorageDriver Driver, IReadOnlyList<DriverVerdict> NotTaken)
{
    // The best first.
    private static readonly IReadOnlyList<IStorageDriver> BuiltIn = [new OverlayDriver(), new VfsDriver()];

    /// <summary>All drivers, the best first: those that were added, then the built-in ones. An added one hides a built-in one of its name.</summary>
    public static IReadOnlyList<IStorageDriver> All(IReadOnlyList<IStorageDriver>? extra = null) =>
        [.. (extra ?? []).Concat(BuiltIn).DistinctBy(driver => driver.Name, StringComparer.Ordinal)];

    /// <summary>What every driver says of a directory: for a report.</summary>
    public static IReadOnlyList<DriverVerdict> Examine(string storeDirectory, IReadOnlyList<IStorageDriver>? extra = null) =>
        [.. All(extra).Select(driver => new DriverVerdict(driver.Name, driver.WhyUnsupported(storeDirectory)))];

    /// <summary>Chooses.</summary>
    /// <param name="storeDirectory">An existing directory.</param>
    /// <param name="name">The only one that will do; null for the best that works. Added drivers are taken only by name.</param>
    /// <param name="extra">Drivers that the library does not bring.</param>
    /// <exception cref="ArgumentException">There is no driver of that name.</exception>
    /// <exception cref="StorageException">The one that was asked for, or every one, does not work here; the message says why.</exception>
    public static StorageDrivers Choose(string storeDirectory, string? name = null, IReadOnlyList<IStorageDriver>? extra = null)
    {
        if (name is not null)
        {
            var asked = All(extra).FirstOrDefault(driver => driver.Name == name)
                ?? throw new ArgumentException($"There is no storage driver '{name}'; there are {string.Join(", ", All(extra).Select(driver => driver.Name))}.", nameof(name));
            return asked.WhyUnsupported(storeDirectory) is { } reason
                ? throw new StorageException($"The storage driver '{name}' does not work in '{storeDirectory}': {reason}")
                : new StorageDrivers(asked, []);
        }

        var notTaken = new List<DriverVerdict>();
        foreach (var driver in BuiltIn)
        {
            if (driver.WhyUnsupported(storeDirectory) is not { } reason)
            {
                return new StorageDrivers(driver, notTaken);
            }

            notTaken.Add(new DriverVerdict(driver.Name, reason));
        }

        throw new StorageException($"No storage driver works in '{storeDirectory}': {string.Join(" ", notTaken.Select(verdict => $"{verdict.Name}: {verdict.WhyUnsupported}"))}");
    }
}

/// <summary>What a driver says of a directory.</summary>
/// <param name="Name">The driver's name.</param>
/// <param name="WhyUnsupported">Why it does not work there, as a sentence; null when it works.</param>
internal sealed record DriverVerdict(string Name, string? WhyUnsupported);
