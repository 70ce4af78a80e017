using ContainerKit.Containers.Volumes;

namespace ContainerKit;

/// <summary>A directory of the store that outlives containers, as it was when it was looked at.</summary>
public sealed record Volume
{
    /// <summary>Its name; of an anonymous one, 64 hexadecimal digits.</summary>
    public required string Name { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>What whoever made it wrote on it.</summary>
    public required IReadOnlyDictionary<string, string> Labels { get; init; }

    /// <summary>
    /// Where its files lie on the host. Their owners are those that containers see, except for an ordinary user's: with a single id they all belong to that user,
    /// and with a range of ids to ids of the range.
    /// </summary>
    public required string HostPath { get; init; }

    /// <summary>The containers that have it, running or not, by name; by id those that have no name.</summary>
    public required IReadOnlyList<string> Containers { get; init; }

    /// <summary>Whether it was made without a name, and so goes with the last container that has it.</summary>
    public bool IsAnonymous => VolumeName.IsAnonymous(Name);
}
