using System.Net;
using System.Runtime.Versioning;
using System.Text.Json;
using ContainerKit.Content;

namespace ContainerKit.Networking.Bridges;

/// <summary>One network on disk. Whoever reads or changes more than the record holds its lock.</summary>
/// <remarks>
/// <code>
/// ROOT/networks/NAME/
///   network.json     what it is
///   .lock            held (flock) by whoever changes it
///   addresses        the addresses of the bridge, as long as there is one
///   members/ID       a container
///   members/.ID.lock held as long as it lives: by its host process, or by its supervisor
/// </code>
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed class NetworkDirectory(string path)
{
    private string Members => Path.Combine(path, "members");

    private string AddressesFile => Path.Combine(path, "addresses");

    public NetworkRecord Record { get; } = NetworkJson.ReadNetwork(Path.Combine(path, "network.json"));

    /// <summary>The addresses of the bridge; null while there is none.</summary>
    public IPNetwork? Addresses
    {
        get => File.Exists(AddressesFile) && IPNetwork.TryParse(File.ReadAllText(AddressesFile), out var network) ? network : null;
        set
        {
            if (value is { } network)
            {
                Replace(AddressesFile, network.ToString());
            }
            else
            {
                File.Delete(AddressesFile);
            }
        }
    }

    public Task<FileLock> LockAsync(CancellationToken cancellationToken) => FileLock.AcquireAsync(Path.Combine(path, ".lock"), exclusive: true, cancellationToken);

    public FileLock Lock() => FileLock.Acquire(Path.Combine(path, ".lock"), exclusive: true, CancellationToken.None);

    /// <summary>Those who are written down, whether or not they live.</summary>
    public IReadOnlyList<MemberRecord> ReadMembers() =>
        [.. Directory.EnumerateFiles(Members).Where(file => !Path.GetFileName(file).StartsWith('.')).Order(StringComparer.Ordinal).Select(NetworkJson.ReadMember)];

    public MemberRecord? TryReadMember(string id)
    {
        try
        {
            return NetworkJson.ReadMember(Path.Combine(Members, id));
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Writes a member down, and holds it.</summary>
    public FileLock Add(MemberRecord member)
    {
        var held = FileLock.TryAcquire(LockOf(member), exclusive: true) ?? throw new NetworkException($"The container '{member.Id[..12]}' is a member of the network '{Record.Name}' already.");
        Replace(Path.Combine(Members, member.Id), JsonSerializer.Serialize(member, NetworkJson.Default.MemberRecord));
        return held;
    }

    public void Remove(MemberRecord member)
    {
        File.Delete(Path.Combine(Members, member.Id));
        File.Delete(LockOf(member));
    }

    /// <summary>Whether nobody holds it any more.</summary>
    public bool IsDead(MemberRecord member)
    {
        using var held = FileLock.TryAcquire(LockOf(member), exclusive: true);
        return held is not null;
    }

    // .NET locks the files that it reads, too: so the record itself is not what is held.
    private string LockOf(MemberRecord member) => Path.Combine(Members, $".{member.Id}.lock");

    /// <summary>Makes a network that is not there yet; it appears as a whole.</summary>
    /// <returns>False when one of that name is there.</returns>
    public static bool TryMake(string networks, NetworkRecord record)
    {
        var aside = Path.Combine(networks, $".{record.Id}");
        Directory.CreateDirectory(Path.Combine(aside, "members"));
        File.WriteAllText(Path.Combine(aside, "network.json"), JsonSerializer.Serialize(record, NetworkJson.Default.NetworkRecord));
        try
        {
            Directory.Move(aside, Path.Combine(networks, record.Name));
            return true;
        }
        catch (IOException) when (Directory.Exists(Path.Combine(networks, record.Name)))
        {
            Directory.Delete(aside, recursive: true);
            return false;
        }
    }

    /// <summary>Removes all of it.</summary>
    public void Delete()
    {
        var ending = Path.Combine(Path.GetDirectoryName(path)!, $".{Record.Id}");
        Directory.Move(path, ending);
        Directory.Delete(ending, recursive: true);
    }

    private static void Replace(string file, string text)
    {
        var aside = Path.Combine(Path.GetDirectoryName(file)!, "." + Path.GetFileName(file));
        File.WriteAllText(aside, text);
        File.Move(aside, file, overwrite: true);
    }
}
