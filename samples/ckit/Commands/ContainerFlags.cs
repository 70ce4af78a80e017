using System.Globalization;
using System.Net;
using Ckit.CommandLine;

namespace Ckit.Commands;

/// <summary>What docker's spellings of a container's options mean.</summary>
internal static class ContainerFlags
{
    public static ContainerBuilder Apply(ContainerBuilder container, string? value, Func<ContainerBuilder, string, ContainerBuilder> flag) =>
        value is null ? container : flag(container, value);

    public static ContainerBuilder Apply(ContainerBuilder container, string[]? values, Func<ContainerBuilder, string, ContainerBuilder> flag) =>
        (values ?? []).Aggregate(container, flag);

    public static ContainerBuilder Entrypoint(ContainerBuilder container, string program) =>
        program.Length == 0 ? container.WithEntrypoint() : container.WithEntrypoint(program);

    public static ContainerBuilder User(ContainerBuilder container, string user) => container.WithUser(Given("--user", user));

    public static ContainerBuilder Hostname(ContainerBuilder container, string name) => container.WithHostname(Given("--hostname", name));

    public static ContainerBuilder WorkingDirectory(ContainerBuilder container, string path) => container.WithWorkingDirectory(Given("--workdir", path));

    /// <summary><c>NAME=VALUE</c>, or <c>NAME</c> alone for the value that ckit has; a variable that ckit lacks is left out.</summary>
    public static ContainerBuilder Environment(ContainerBuilder container, string variable) =>
        Variable(variable) is var (name, value) ? container.WithEnvironment(name, value) : container;

    /// <summary>A file of docker's form: a variable on each line, taken as it stands, quotes and all.</summary>
    public static ContainerBuilder EnvironmentFile(ContainerBuilder container, string path) => File.ReadLines(Given("--env-file", path))
        .Select(line => line.TrimStart())
        .Where(line => line.Length > 0 && line[0] != '#')
        .Aggregate(container, Environment);

    /// <summary>The name and value of <c>NAME=VALUE</c>, or of <c>NAME</c>, whose value is ckit's own; null when that has none.</summary>
    public static (string Name, string Value)? Variable(string variable)
    {
        var end = variable.IndexOf('=', StringComparison.Ordinal);
        if (end == 0)
        {
            throw new UsageException($"'{variable}' sets no variable: there is no name in front of '='.");
        }

        if (end > 0)
        {
            return (variable[..end], variable[(end + 1)..]);
        }

        return System.Environment.GetEnvironmentVariable(variable) is { } own ? (variable, own) : null;
    }

    /// <summary><c>DIR</c>, with <c>:size=64m,mode=1777</c> behind it.</summary>
    public static ContainerBuilder Tmpfs(ContainerBuilder container, string mount)
    {
        long? size = null;
        var mode = 0x3FF;
        var end = mount.IndexOf(':', StringComparison.Ordinal);
        foreach (var option in end < 0 ? [] : mount[(end + 1)..].Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            switch (option.Split('=', 2))
            {
                case ["size", var text] when Sizes.TryParse(text, out var bytes):
                    size = bytes;
                    break;
                case ["mode", var text] when TryParseMode(text, out mode):
                    break;
                case ["rw" or "nosuid" or "nodev"]:
                    break;
                default:
                    throw new UsageException($"A tmpfs cannot have the option '{option}'; size=64m and mode=1777 are such.");
            }
        }

        return container.WithTmpfs(end < 0 ? mount : mount[..end], size, mode);
    }

    public static ContainerBuilder SharedMemory(ContainerBuilder container, string size) => Sizes.TryParse(size, out var bytes) && bytes > 0
        ? container.WithTmpfs("/dev/shm", bytes)
        : throw new UsageException($"/dev/shm cannot have the size '{size}'; 64m and 1g are such.");

    /// <summary><c>no</c>, <c>on-failure</c>, <c>on-failure:3</c>, <c>always</c> or <c>unless-stopped</c>.</summary>
    public static ContainerBuilder Restart(ContainerBuilder container, string policy) => container.WithRestart(RestartPolicyOf(policy));

    /// <inheritdoc cref="Restart"/>
    public static RestartPolicy RestartPolicyOf(string policy) => policy.Split(':') switch
    {
        ["no"] => RestartPolicy.No,
        ["always"] => RestartPolicy.Always,
        ["unless-stopped"] => RestartPolicy.UnlessStopped,
        ["on-failure"] or ["on-failure", "0"] => RestartPolicy.OnFailure(),
        ["on-failure", var text] when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var most) => RestartPolicy.OnFailure(most),
        _ => throw new UsageException($"A program is started again no, on-failure[:NUMBER], always or unless-stopped, and not '{policy}'."),
    };

    public static ContainerBuilder Network(ContainerBuilder container, string mode) => mode switch
    {
        "none" => container.WithNetwork(NetworkMode.None),
        "host" => container.WithNetwork(NetworkMode.Host),
        "bridge" => container.WithNetwork(NetworkMode.Bridge),
        "pasta" => container.WithNetwork(NetworkMode.Pasta),
        _ => Named(container, mode),
    };

    private static ContainerBuilder Named(ContainerBuilder container, string network)
    {
        try
        {
            return container.WithNetwork(network);
        }
        catch (ArgumentException e)
        {
            throw new UsageException($"There is no network '{network}': {Failure.WithoutParameterName(e)}");
        }
    }

    /// <summary><c>HOST:CONTAINER</c> or <c>CONTAINER</c>, with an address of the host in front, and <c>/tcp</c> behind.</summary>
    public static ContainerBuilder Publish(ContainerBuilder container, string ports)
    {
        var wrong = new UsageException($"'{ports}' publishes no port: write HOST:CONTAINER, CONTAINER for any free port of the host, or ADDRESS:HOST:CONTAINER.");
        var text = ports.EndsWith("/tcp", StringComparison.Ordinal) ? ports[..^4] : ports;
        if (text.Contains('/', StringComparison.Ordinal))
        {
            throw new UsageException($"'{ports}' cannot be published: only TCP ports can.");
        }

        var parts = text.Split(':');
        var inside = Port(parts[^1], least: 1) ?? throw wrong;
        var outside = parts.Length == 1 || parts[^2].Length == 0 ? 0 : Port(parts[^2], least: 0) ?? throw wrong;
        if (parts.Length <= 2)
        {
            return container.WithPublishedPort(outside, inside);
        }

        // An IPv6 address has colons of its own, and stands in brackets.
        var address = string.Join(':', parts[..^2]);
        return IPAddress.TryParse(address, out var parsed) ? container.WithPublishedPort(outside, inside, parsed) : throw wrong;
    }

    private static int? Port(string text, int least) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port >= least && port <= IPEndPoint.MaxPort ? port : null;

    private static string Given(string option, string value) =>
        string.IsNullOrWhiteSpace(value) ? throw new UsageException($"The value of {option} is empty: give one, or leave the option out.") : value;

    private static bool TryParseMode(string text, out int mode)
    {
        mode = 0;
        foreach (var digit in text)
        {
            if (digit is < '0' or > '7' || mode > 0x1FF)
            {
                return false;
            }

            mode = (mode << 3) + (digit - '0');
        }

        return text.Length > 0;
    }
}
