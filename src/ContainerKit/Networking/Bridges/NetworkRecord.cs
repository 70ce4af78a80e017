using System.Text.Json;
using System.Text.Json.Serialization;

namespace ContainerKit.Networking.Bridges;

/// <summary>What is written down about a network: <c>network.json</c>.</summary>
internal sealed record NetworkRecord
{
    public required string Name { get; init; }

    /// <summary>Eight hexadecimal digits that name what it has in the kernel; chosen once.</summary>
    public required string Id { get; init; }

    public required DateTimeOffset Created { get; init; }

    /// <summary>The addresses that were asked for; null where free ones are chosen each time that its first member comes.</summary>
    public string? Subnet { get; init; }

    [JsonIgnore]
    public string Bridge => $"ck-{Id}";

    [JsonIgnore]
    public string Table => $"containerkit-{Id}";
}

/// <summary>What is written down about a member of a network: <c>members/ID</c>.</summary>
internal sealed record MemberRecord
{
    public required string Id { get; init; }

    /// <summary>The names that the others find it by.</summary>
    public required IReadOnlyList<string> Names { get; init; }

    public required string Address { get; init; }

    public IReadOnlyList<PublishedPort> Ports { get; init; } = [];

    /// <summary>The file that it sees as its /etc/hosts; null when it sees its image's own.</summary>
    public string? HostsFile { get; init; }

    /// <summary>The interface of the host that leads to it; an interface's name has 15 bytes at most.</summary>
    [JsonIgnore]
    public string Interface => $"ckv{Id[..12]}";
}

[JsonSourceGenerationOptions(WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(NetworkRecord))]
[JsonSerializable(typeof(MemberRecord))]
internal sealed partial class NetworkJson : JsonSerializerContext
{
    public static NetworkRecord ReadNetwork(string path) => Read(path, text => JsonSerializer.Deserialize(text, Default.NetworkRecord));

    public static MemberRecord ReadMember(string path) => Read(path, text => JsonSerializer.Deserialize(text, Default.MemberRecord));

    private static T Read<T>(string path, Func<Stream, T?> parse)
        where T : class
    {
        try
        {
            using var file = File.OpenRead(path);
            return parse(file) ?? throw new StorageException($"The network record '{path}' is empty.");
        }
        catch (JsonException e)
        {
            throw new StorageException($"The network record '{path}' cannot be read: {e.Message}", e);
        }
    }
}
