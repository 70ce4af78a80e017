using System.Net;
using System.Runtime.Versioning;
using ContainerKit.Networking.Bridges;

namespace ContainerKit.Containers.Specs;

/// <summary>
/// The files that say who and where a container is that has a network, and whom to ask for the others. They lie beside its record, and are mounted over its image's own.
/// One without a network has none: they would cost 20 to 40 % of its start (roughly measured), and there is nobody to be named.
/// Nor is a file for localhost put below its layer: what an image unpacks to is the image, path for path.
/// </summary>
/// <remarks>
/// <code>
/// containers/ID/
///   hosts         /etc/hosts: written anew whenever somebody joins or leaves the network; on the host's network, the host's and its own name
///   hostname      /etc/hostname
///   resolv.conf   /etc/resolv.conf: the host's; in a network of the store's, without servers that only the host can reach
/// </code>
/// What a container writes to them is no change of its files: neither a diff nor a commit has it, as with docker.
/// </remarks>
[SupportedOSPlatform("linux")]
internal static class NetworkFiles
{
    private const UnixFileMode ForAll = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    // systemd-resolved listens on a loopback address, and keeps the file with the servers that it asks itself here.
    private static readonly string[] Resolvers = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

    /// <summary>Where they are mounted.</summary>
    public static IReadOnlyList<string> Targets { get; } = ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"];

    public static string HostsOf(string directory) => Path.Combine(directory, "hosts");

    /// <summary>Writes them for a run that is about to begin.</summary>
    /// <param name="directory">The container's directory.</param>
    /// <param name="hostname">What it is called.</param>
    /// <param name="isOnHost">Whether it is on the host's own network, and so can reach all that the host can.</param>
    /// <param name="isMapped">Whether its root is another than the files' owner, and they are to be shown as its root's.</param>
    /// <param name="own">What the description mounts.</param>
    /// <returns>What to mount, where the description mounts nothing of its own.</returns>
    public static IReadOnlyList<Mount> Write(string directory, string hostname, bool isOnHost, bool isMapped, IEnumerable<Mount> own)
    {
        (string Name, string Text)[] files =
        [
            ("hosts", isOnHost ? Hosts(TryRead("/etc/hosts"), hostname) : HostsFile.Write([])),
            ("hostname", hostname + '\n'),
            ("resolv.conf", isOnHost ? TryRead(Resolvers[0]) : Resolver(Resolvers.Select(TryRead))),
        ];
        foreach (var (name, text) in files)
        {
            // Another file than that of the run before, which a process outside of the container may have mounted still.
            var path = Path.Combine(directory, name);
            File.Delete(path);
            File.WriteAllText(path, text);
            File.SetUnixFileMode(path, ForAll);
        }

        var taken = own.Select(mount => mount.Target).ToHashSet();
        return [.. files.Select(file => new Mount("bind", Path.Combine(directory, file.Name), $"/etc/{file.Name}", isMapped ? ["bind", "idmap"] : [])).Where(mount => !taken.Contains(mount.Target))];
    }

    /// <summary>What a container is to have as its resolv.conf: the first of the host's that names a server it can reach. resolv.conf(5)</summary>
    /// <param name="candidates">The texts of the host's files, the usual one first.</param>
    public static string Resolver(IEnumerable<string> candidates)
    {
        var texts = candidates.ToArray();
        var usable = texts.FirstOrDefault(text => text.Split('\n').Any(IsReachableServer)) ?? texts.FirstOrDefault() ?? "";
        return string.Join('\n', usable.TrimEnd('\n').Split('\n').Where(line => !IsServer(line) || IsReachableServer(line))) + '\n';
    }

    /// <summary>The host's own file, which names the container as well: programs look their own name up. hosts(5)</summary>
    public static string Hosts(string ofHost, string hostname)
    {
        var text = ofHost.Length > 0 ? ofHost.TrimEnd('\n') + '\n' : HostsFile.Write([]);
        var names = text.Split('\n').SelectMany(line => line.Split('#')[0].Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries).Skip(1));
        return names.Contains(hostname, StringComparer.OrdinalIgnoreCase) ? text : $"{text}127.0.1.1\t{hostname}\n";
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
