namespace ContainerKit.Storage.Union;

/// <summary>Where the owners, modes and device numbers of a tree are kept.</summary>
internal abstract record TreeOwnership
{
    /// <summary>On the files themselves: what the container sees is what the calls say.</summary>
    public static TreeOwnership Direct { get; } = new DirectOwnership();

    /// <summary>
    /// On disk everything belongs to one user, who is root inside. What the files cannot say themselves stands in
    /// <c>user.containerkit.stat</c>.
    /// </summary>
    /// <param name="userId">The owner on disk that means root inside, as the file calls see it.</param>
    /// <param name="groupId">The same for the group.</param>
    public static TreeOwnership Recorded(uint userId, uint groupId) => new RecordedOwnership(userId, groupId);
}

internal sealed record DirectOwnership : TreeOwnership;

internal sealed record RecordedOwnership(uint UserId, uint GroupId) : TreeOwnership;
