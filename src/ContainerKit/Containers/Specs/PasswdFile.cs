using System.Globalization;

namespace ContainerKit.Containers.Specs;

/// <summary>Who a container's program runs as, in numbers.</summary>
/// <param name="UserId">The user.</param>
/// <param name="GroupId">The first group.</param>
/// <param name="AdditionalGroups">The groups that /etc/group adds.</param>
/// <param name="HomeDirectory">What HOME is set to where nobody else sets it.</param>
internal sealed record ContainerUser(uint UserId, uint GroupId, IReadOnlyList<uint> AdditionalGroups, string HomeDirectory)
{
    public static ContainerUser Root { get; } = new(0, 0, [], "/root");
}

/// <summary>Looks users and groups up in the texts of an image's /etc/passwd and /etc/group, by docker's rules. passwd(5), group(5)</summary>
internal static class PasswdFile
{
    /// <summary>Turns <c>user</c>, <c>user:group</c>, <c>uid</c> or <c>uid:gid</c> into numbers.</summary>
    /// <exception cref="ImageException">A name is in neither file.</exception>
    public static ContainerUser Resolve(string specification, string passwd, string group)
    {
        var colon = specification.IndexOf(':', StringComparison.Ordinal);
        var userPart = colon < 0 ? specification : specification[..colon];
        var groupPart = colon < 0 ? "" : specification[(colon + 1)..];
        if (userPart.Length == 0)
        {
            userPart = "0";
        }

        var entry = Records(passwd, 7).FirstOrDefault(fields => fields[0] == userPart)
            ?? Records(passwd, 7).FirstOrDefault(fields => TryId(userPart, out var id) && TryId(fields[2], out var other) && id == other);
        if (!TryId(entry?[2] ?? userPart, out var userId))
        {
            throw new ImageException($"Cannot run as user '{userPart}': the image's /etc/passwd has no such user.");
        }

        var home = entry is null || entry[5].Length == 0 ? "/" : entry[5];
        if (groupPart.Length > 0)
        {
            // A group that is asked for stands alone, as with docker: /etc/group then adds nothing.
            return new ContainerUser(userId, ResolveGroup(groupPart, group), [], home);
        }

        var groupId = entry is not null && TryId(entry[3], out var primary) ? primary : 0;
        var name = entry?[0];
        var additional = Records(group, 4)
            .Where(fields => name is not null && fields[3].Split(',').Contains(name))
            .Select(fields => TryId(fields[2], out var id) ? id : groupId)
            .Where(id => id != groupId)
            .Distinct()
            .ToArray();
        return new ContainerUser(userId, groupId, additional, home);
    }

    private static uint ResolveGroup(string text, string group)
    {
        var entry = Records(group, 4).FirstOrDefault(fields => fields[0] == text);
        return TryId(entry?[2] ?? text, out var id)
            ? id
            : throw new ImageException($"Cannot run as group '{text}': the image's /etc/group has no such group.");
    }

    private static IEnumerable<string[]> Records(string file, int fields) =>
        file.Split('\n').Where(line => !line.StartsWith('#')).Select(line => line.TrimEnd('\r').Split(':')).Where(parts => parts.Length >= fields);

    // The largest number is the kernel's "no change", and nobody's id.
    private static bool TryId(string text, out uint id) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out id) && id != uint.MaxValue;
}
