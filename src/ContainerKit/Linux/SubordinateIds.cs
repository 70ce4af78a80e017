using System.Globalization;
using System.Runtime.Versioning;
using static Tmds.Linux.LibC;

namespace ContainerKit.Linux;

/// <summary>The ids that an administrator lent to a user for user namespaces. subuid(5), subgid(5)</summary>
internal static class SubordinateIds
{
    private static readonly string[] RootsNames = ["root", "containers"];

    private const string UserFile = "/etc/subuid", GroupFile = "/etc/subgid";

    // The kernel takes 340 lines of map (user_namespaces(7)); the first is the user's own id.
    private const int MostRanges = 339;

    /// <summary>This process's user as root inside, and the lent ids after it; null when none are lent.</summary>
    [SupportedOSPlatform("linux")]
    public static UserMap? ForThisUser() =>
        For((uint)geteuid(), (uint)getegid(), Environment.UserName, ReadIfThere(UserFile), ReadIfThere(GroupFile));

    /// <summary>
    /// What is lent to root, or to "containers" as podman has it; null when nothing is. The first lent id is root inside: the host's
    /// own root stays out of it.
    /// </summary>
    [SupportedOSPlatform("linux")]
    public static UserMap? ForRoot()
    {
        var (users, groups) = (ReadIfThere(UserFile), ReadIfThere(GroupFile));
        return RootsNames.Select(name => ForOthers(name, users, groups)).FirstOrDefault(map => map is not null);
    }

    /// <summary>The ids lent to a name, from 0 on; null unless both users and groups are lent.</summary>
    public static UserMap? ForOthers(string userName, string subuid, string subgid)
    {
        var users = Lent(subuid, uint.MaxValue, userName, uint.MaxValue);
        var groups = Lent(subgid, uint.MaxValue, userName, uint.MaxValue);
        return users.Count > 0 && groups.Count > 0 ? new UserMap(Stack(users), Stack(groups)) : null;
    }

    /// <summary>The user's id as root inside, and the lent ones after it; null unless both users and groups are lent.</summary>
    /// <param name="userId">The user, who becomes 0.</param>
    /// <param name="groupId">The group, which becomes 0.</param>
    /// <param name="userName">The user's name, which the files may have instead of the number.</param>
    /// <param name="subuid">The text of /etc/subuid.</param>
    /// <param name="subgid">The text of /etc/subgid; its first field is a user, too.</param>
    public static UserMap? For(uint userId, uint groupId, string userName, string subuid, string subgid)
    {
        var users = Lent(subuid, userId, userName, userId);
        var groups = Lent(subgid, userId, userName, groupId);
        return users.Count > 0 && groups.Count > 0 ? new UserMap(Stack(users, userId), Stack(groups, groupId)) : null;
    }

    /// <summary>Reads <c>user:first:count</c> lines; what is not one, or overlaps what came before, is left out as newuidmap(1) leaves it.</summary>
    private static List<(uint First, uint Count)> Lent(string text, uint userId, string userName, uint ownId)
    {
        var own = userId.ToString(CultureInfo.InvariantCulture);
        var ranges = new List<(uint First, uint Count)> { (ownId, 1) };
        foreach (var line in text.Split('\n'))
        {
            var fields = line.Split(':');
            if (fields.Length == 3
                && (fields[0] == own || (fields[0] == userName && userName.Length > 0))
                && uint.TryParse(fields[1], NumberStyles.None, CultureInfo.InvariantCulture, out var first)
                && uint.TryParse(fields[2].TrimEnd(), NumberStyles.None, CultureInfo.InvariantCulture, out var count)
                && count > 0
                && (ulong)first + count <= uint.MaxValue
                && ranges.Count <= MostRanges
                && ranges.TrueForAll(r => (ulong)first + count <= r.First || first >= (ulong)r.First + r.Count))
            {
                ranges.Add((first, count));
            }
        }

        ranges.RemoveAt(0);
        return ranges;
    }

    private static List<IdRange> Stack(List<(uint First, uint Count)> lent, uint? ownId = null)
    {
        List<IdRange> map = ownId is { } own ? [new IdRange(0, own, 1)] : [];
        var inside = (ulong)map.Count;
        foreach (var (first, count) in lent)
        {
            // The highest id of all stands for "no id" (chown(2)).
            var fits = (uint)Math.Min(count, uint.MaxValue - inside);
            if (fits > 0)
            {
                map.Add(new IdRange((uint)inside, first, fits));
                inside += fits;
            }
        }

        return map;
    }

    private static string ReadIfThere(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
