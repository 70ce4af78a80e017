namespace ContainerKit.Linux;

/// <summary>One range of a user namespace's id map, as a line of <c>/proc/PID/uid_map</c> has it.</summary>
/// <param name="Inside">The first id inside the namespace.</param>
/// <param name="Outside">The id outside that it stands for.</param>
/// <param name="Count">How many ids follow one another.</param>
internal readonly record struct IdRange(uint Inside, uint Outside, uint Count)
{
    public override string ToString() => $"{Inside} {Outside} {Count}";
}

/// <summary>The ids of a user namespace: which ids inside stand for which outside. user_namespaces(7)</summary>
internal sealed record UserMap(IReadOnlyList<IdRange> Users, IReadOnlyList<IdRange> Groups)
{
    /// <summary>One id only: what an ordinary user may map without help, as root inside.</summary>
    public static UserMap Single(uint userId, uint groupId) => new([new IdRange(0, userId, 1)], [new IdRange(0, groupId, 1)]);

    /// <summary>Whether it maps a single user, so that files of all others cannot be told apart on disk.</summary>
    public bool IsSingle => Users is [{ Count: 1 }];

    public bool Equals(UserMap? other) => other is not null && Users.SequenceEqual(other.Users) && Groups.SequenceEqual(other.Groups);

    public override int GetHashCode() => Users.Concat(Groups).Aggregate(0, HashCode.Combine);
}
