namespace ContainerKit.Linux;

/// <summary>The ids that an administrator lent to a user for user namespaces. subuid(5)</summary>
internal static class SubordinateIds
{
    /// <summary>The user's id as root inside, and the lent ones after it; null when none are lent.</summary>
    public static UserMap? For(uint userId, uint groupId, string userName, string subuid, string subgid) => throw new NotImplementedException();
}
