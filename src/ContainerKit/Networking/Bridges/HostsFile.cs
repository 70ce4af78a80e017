using System.Runtime.Versioning;
using System.Text;
using System.Text.RegularExpressions;
using ContainerKit.Linux;

namespace ContainerKit.Networking.Bridges;

/// <summary>The text of a container's /etc/hosts: a part that is ours, and whatever the container has written around it.</summary>
internal static partial class HostsFile
{
    private const string Begin = "# ContainerKit: members of the network", End = "# ContainerKit: end";

    // A container may write what it likes into its own file. What is larger than this is begun anew.
    private const int MostBytes = 1 << 20;

    private static readonly string[] Loopback = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"];

    /// <summary>A new file.</summary>
    public static string Write(IEnumerable<MemberRecord> members) => Update(string.Join('\n', Loopback) + '\n', members);

    /// <summary>The same file for other members: lines outside of our part stay.</summary>
    public static string Update(string text, IEnumerable<MemberRecord> members)
    {
        var others = new List<string>();
        var isOurs = false;
        foreach (var line in text.TrimEnd('\n').Split('\n'))
        {
            isOurs |= line == Begin;
            if (!isOurs)
            {
                others.Add(line);
            }

            isOurs &= line != End;
        }

        var ours = members.Select(member => $"{member.Address}\t{string.Join(' ', member.Names.Where(IsName).Distinct())}");
        return string.Join('\n', others.Append(Begin).Concat(ours).Append(End)) + '\n';
    }

    /// <summary>Writes it anew, in the file that it is: the container has that mounted, and would not see another in its place.</summary>
    [SupportedOSPlatform("linux")]
    public static void Rewrite(string path, IEnumerable<MemberRecord> members)
    {
        // Not as a stream: .NET would ask for a lock on the file, which the container can hold for ever.
        using var file = FileCalls.Local.Open(null, path, OpenFlags.ReadWrite, resolve: Resolve.Host);
        var text = "";
        if (RandomAccess.GetLength(file) is <= MostBytes and var length)
        {
            var before = new byte[length];
            text = Encoding.Latin1.GetString(before, 0, RandomAccess.Read(file, before, 0));
        }

        // Whatever its encoding is, it goes out as it came in.
        var bytes = Encoding.Latin1.GetBytes(text.Length == 0 ? Write(members) : Update(text, members));
        RandomAccess.Write(file, bytes, 0);
        RandomAccess.SetLength(file, bytes.Length);
    }

    private static bool IsName(string name) => Name().IsMatch(name);

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9_.-]*\z")]
    private static partial Regex Name();
}
