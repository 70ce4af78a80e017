using System.Runtime.Versioning;
using ContainerKit.Containers.Catalog;
using ContainerKit.Containers.Layering;
using ContainerKit.Linux;
using ContainerKit.Storage;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Containers.Volumes;

/// <summary>The volumes of a store as they lie on disk: made, held, filled, removed and swept.</summary>
/// <remarks>
/// <code>
/// volumes/NAME/        flock on the directory itself: shared by all who use it, exclusive for who fills or removes it
///   volume.json        what it is
///   data/              its files, owned as the containers' own are on disk
///   filled             there when an image's files have been copied into it: that happens once
///   .fill/             being filled by whoever holds it alone; one rename makes it data/
/// volumes/.new-RANDOM/ volumes/.rm-RANDOM/   being made, being removed
/// </code>
/// Of an anonymous one the name says so (<see cref="VolumeName.IsAnonymous"/>). The lock comes after all others.
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed partial class VolumeCatalog(string directory, SnapshotStoreOptions options)
{
    private const int DirectoryMode = 0x1ED;
    private const string RecordName = "volume.json", DataName = "data", FilledName = "filled", FillName = ".fill";

    // Whoever makes a container holds its volumes for a moment; whoever runs one, for good.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1), Pause = TimeSpan.FromMilliseconds(5);

    private FileCalls Calls => options.Calls ?? FileCalls.Local;

    private string Variant => Unpacker.VariantOf(options.UserAttributes, options.IdMap);

    public string PathOf(string name) => Path.Combine(directory, name);

    /// <summary>Where its files lie.</summary>
    public string DataOf(string name) => Path.Combine(directory, name, DataName);

    /// <summary>The names of all volumes, in order.</summary>
    public IReadOnlyList<string> Names() => Directory.Exists(directory)
        ? [.. Directory.EnumerateDirectories(directory).Select(path => Path.GetFileName(path)).Where(name => !name.StartsWith('.')).Order(StringComparer.Ordinal)]
        : [];

    /// <summary>What is written down about a volume; null when there is none.</summary>
    /// <exception cref="StorageException">It cannot be read.</exception>
    public VolumeRecord? TryRead(string name)
    {
        try
        {
            return VolumeName.IsValid(name) ? VolumeRecord.Read(Path.Combine(directory, name, RecordName)) : null;
        }
        catch (DirectoryNotFoundException)
        {
            return null;
        }
        catch (FileNotFoundException e)
        {
            return Directory.Exists(PathOf(name)) ? throw new StorageException($"The volume '{name}' has lost its record.", e) : null;
        }
    }

    /// <summary>Makes a volume.</summary>
    /// <returns>False when there is one of that name already.</returns>
    /// <exception cref="StorageException">The store cannot be written.</exception>
    public bool TryCreate(string name, IReadOnlyDictionary<string, string>? labels = null)
    {
        if (Directory.Exists(PathOf(name)))
        {
            return false;
        }

        Directory.CreateDirectory(directory);
        var (aside, itsLock) = MakeAside();
        using (itsLock)
        {
            try
            {
                Calls.MakeDirectory(itsLock, DataName, DirectoryMode);
                Calls.SetMode(itsLock, DataName, DirectoryMode);
                new VolumeRecord { Created = DateTimeOffset.UtcNow, Variant = Variant, Labels = labels is { Count: > 0 } ? labels : null }.Write(Path.Combine(aside, RecordName));
                return TryPublish(aside, itsLock, name);
            }
            catch (LinuxException e)
            {
                RemoveLocked(aside, itsLock);
                throw StorageErrors.Translate(e, $"make the volume '{name}'", directory);
            }
            catch
            {
                RemoveLocked(aside, itsLock);
                throw;
            }
        }
    }

    /// <summary>Holds a volume, so that nobody removes it; it is made when it is not there.</summary>
    public SafeFileHandle HoldOrCreate(string name, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (TryHold(name, cancellationToken) is { } held)
            {
                return held;
            }

            TryCreate(name);
        }
    }

    /// <summary>Holds a volume together with others; waits for one who fills it. Null when there is none.</summary>
    public SafeFileHandle? TryHold(string name, CancellationToken cancellationToken)
    {
        while (true)
        {
            switch (DirectoryLock.TryTake(PathOf(name), exclusive: false, out var held))
            {
                case LockResult.Taken:
                    return held;
                case LockResult.Absent when !Directory.Exists(PathOf(name)):
                    return null;
                default:
                    Wait(cancellationToken);
                    break;
            }
        }
    }

    /// <summary>Removes a volume that no container has.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="findUser">Looks for a container that has it, by what it is called.</param>
    /// <returns>False when there is no such volume.</returns>
    /// <exception cref="StorageException">A container has it.</exception>
    public bool Remove(string name, Func<string, string?> findUser)
    {
        if (!VolumeName.IsValid(name) || !Directory.Exists(PathOf(name)))
        {
            return false;
        }

        if (TryRemoveUnused(name, findUser))
        {
            return true;
        }

        return findUser(name) is { } user
            ? throw new StorageException($"Cannot remove the volume '{name}': the container '{user}' has it.") { Hint = "Remove the container first; whether it runs does not matter." }
            : Directory.Exists(PathOf(name)) ? throw new StorageException($"Cannot remove the volume '{name}': somebody uses it just now.") { Hint = "Try again." }
            : false;
    }

    /// <summary>The same, or false when a container has it, somebody uses it, or it is gone.</summary>
    public bool TryRemoveUnused(string name, Func<string, string?> findUser)
    {
        if (findUser(name) is not null)
        {
            return false;
        }

        // Whoever makes a container holds its volumes until it can be found: so it is looked for once more, with the lock.
        using var alone = HoldAlone(name, CancellationToken.None);
        if (alone is null || findUser(name) is not null)
        {
            return false;
        }

        RemoveLocked(PathOf(name), alone);
        return true;
    }

    /// <summary>Removes what was left half-made or half-removed, and the anonymous volumes that no container has.</summary>
    /// <param name="used">The names of the volumes that containers have; asked only when there is an anonymous one.</param>
    public void Sweep(Func<IReadOnlySet<string>> used)
    {
        if (!Directory.Exists(directory))
        {
            return;
        }

        foreach (var path in Directory.EnumerateDirectories(directory).Where(path => Path.GetFileName(path).StartsWith('.')))
        {
            SweepOne(path, static () => true);
        }

        var anonymous = Names().Where(VolumeName.IsAnonymous).ToArray();
        if (anonymous.Length == 0)
        {
            return;
        }

        var present = used();
        foreach (var name in anonymous.Where(name => !present.Contains(name)))
        {
            SweepOne(PathOf(name), () => !used().Contains(name));
        }
    }

    private void SweepOne(string path, Func<bool> isNobodys)
    {
        if (DirectoryLock.TryTake(path, exclusive: true, out var held) == LockResult.Taken)
        {
            using (held)
            {
                if (isNobodys())
                {
                    RemoveLocked(path, held!);
                }
            }
        }
    }

    /// <summary>Holds a volume alone; null when others have it for longer than a moment, or when it is gone.</summary>
    private SafeFileHandle? HoldAlone(string name, CancellationToken cancellationToken)
    {
        for (var end = Environment.TickCount64 + (long)Patience.TotalMilliseconds; ;)
        {
            if (DirectoryLock.TryTake(PathOf(name), exclusive: true, out var held) is LockResult.Taken)
            {
                return held;
            }

            if (Environment.TickCount64 > end || !Directory.Exists(PathOf(name)))
            {
                return null;
            }

            Wait(cancellationToken);
        }
    }

    private (string Path, SafeFileHandle Lock) MakeAside()
    {
        using var volumes = RootedDirectory.Open(directory);
        while (true)
        {
            var name = $".new-{ContainerName.NewId()[..16]}";
            FileCalls.Local.MakeDirectory(volumes.Handle, name, DirectoryMode);
            if (DirectoryLock.TryTake(PathOf(name), exclusive: true, out var held) == LockResult.Taken)
            {
                // A worker in a user namespace has to get in, whatever this process's umask is.
                FileCalls.Local.SetMode(held!, default, DirectoryMode);
                return (PathOf(name), held!);
            }
        }
    }

    private bool TryPublish(string aside, SafeFileHandle itsLock, string name)
    {
        using var volumes = RootedDirectory.Open(directory);
        var errno = FileCalls.Local.TryRename(volumes.Handle, Path.GetFileName(aside), volumes.Handle, name, RenameFlags.NoReplace);
        if (errno != Errno.EEXIST)
        {
            LinuxException.ThrowIf(errno, $"name the volume '{name}'");
            return true;
        }

        // Somebody else was faster.
        RemoveLocked(aside, itsLock);
        return false;
    }

    private void RemoveLocked(string path, SafeFileHandle itsLock)
    {
        try
        {
            // Where nobody can be had to remove the files, the name stays as well.
            _ = Calls.Stat(itsLock);
            using var volumes = RootedDirectory.Open(directory);
            var aside = Path.GetFileName(path);
            if (!aside.StartsWith('.'))
            {
                aside = $".rm-{ContainerName.NewId()[..16]}";
                FileCalls.Local.Rename(volumes.Handle, Path.GetFileName(path), volumes.Handle, aside);
            }

            TreeRemover.Empty(Calls, itsLock);
            FileCalls.Local.Unlink(volumes.Handle, aside, isDirectory: true);
        }
        catch (LinuxException e)
        {
            throw StorageErrors.Translate(e, $"remove the volume '{Path.GetFileName(path)}'", directory);
        }
    }

    private static void Wait(CancellationToken cancellationToken)
    {
        cancellationToken.WaitHandle.WaitOne(Pause);
        cancellationToken.ThrowIfCancellationRequested();
    }
}
