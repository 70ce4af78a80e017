using System.Net;
using System.Runtime.Versioning;
using ContainerKit.Networking.Bridges;

namespace ContainerKit.Containers;

/// <summary>The files that say who and where a container in a network is, and whom to ask for the others. They lie beside its record, and are mounted over its image's own.</summary>
/// <remarks>
/// <code>
/// containers/ID/
///   hosts         /etc/hosts: written anew whenever somebody joins or leaves the network
///   hostname      /etc/hostname
///   resolv.conf   /etc/resolv.conf: the host's, without servers that only the host can reach
/// </code>
/// What a container writes to them is no change of its files: neither a diff nor a commit has it, as with docker.
/// </remarks>
[SupportedOSPlatform("linux")]
internal static class NetworkFiles
{
    private const UnixFileMode ForAll = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    // systemd-resolved listens on a loopback address, and keeps the file with the servers that it asks itself here.
    private static readonly string[] Resolvers = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

    public static string HostsOf(string directory) => Path.Combine(directory, "hosts");

    /// <summary>Writes them for a run that is about to begin.</summary>
    /// <returns>What to mount, where the description mounts nothing of its own.</returns>
    public static IReadOnlyList<Mount> Write(string directory, string hostname, IEnumerable<Mount> own)
    {
        (string Name, string Text)[] files = [("hosts", HostsFile.Write([])), ("hostname", hostname + '\n'), ("resolv.conf", Resolver(Resolvers.Select(TryRead)))];
        foreach (var (name, text) in files)
        {
            // Another file than that of the run before, which a process outside of the container may have mounted still.
            var path = Path.Combine(directory, name);
            File.Delete(path);
            File.WriteAllText(path, text);
            File.SetUnixFileMode(path, ForAll);
        }

        var taken = own.Select(mount => mount.Target).ToHashSet();
        return [.. files.Select(file => new Mount("bind", Path.Combine(directory, file.Name), $"/etc/{file.Name}", [])).Where(mount => !taken.Contains(mount.Target))];
    }

    /// <summary>What a container is to have as its resolv.conf: the first of the host's that names a server it can reach. resolv.conf(5)</summary>
    /// <param name="candidates">The texts of the host's files, the usual one first.</param>
    public static string Resolver(IEnumerable<string> candidates)
    {
        var texts = candidates.ToArray();
        var usable = texts.FirstOrDefault(text => text.Split('\n').Any(IsReachableServer)) ?? texts.FirstOrDefault() ?? "";
        return string.Join('\n', usable.TrimEnd('\n').Split('\n').Where(line => !IsServer(line) || IsReachableServer(line))) + '\n';
    }

    private static bool IsServer(string line) => line.TrimStart().StartsWith("nameserver", StringComparison.Ordinal);

    private static bool IsReachableServer(string line) => IsServer(line)
        && line.Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries) is [_, var server, ..]
        && IPAddress.TryParse(server, out var address) && !IPAddress.IsLoopback(address);

    private static string TryRead(string path)
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
