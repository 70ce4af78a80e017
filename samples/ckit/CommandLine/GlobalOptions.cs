using System.CommandLine;

namespace Ckit.CommandLine;

/// <summary>What every command takes: which store, how it is kept, and how much is said about it.</summary>
internal static class GlobalOptions
{
    public static Option<string?> Root { get; } = new("--root")
    {
        Description = "The directory that images and containers are kept in.",
        HelpName = "DIR",
        Recursive = true,
    };

    public static Option<string?> Driver { get; } = new("--driver")
    {
        Description = "The storage driver: overlay, aufs or vfs. The best that works here unless given.",
        HelpName = "NAME",
        Recursive = true,
    };

    public static Option<string?> LogLevel { get; } = new("--log-level")
    {
        Description = "Logs events of this level and above to standard error: trace, debug, info, warn, error.",
        HelpName = "LEVEL",
        Recursive = true,
    };

    public static async Task<ContainerHost> OpenHostAsync(ParseResult line, RegistryOptions registry, CancellationToken cancellationToken)
    {
        var options = new ContainerHostOptions
        {
            StoreDirectory = line.GetValue(Root) is not "" and var root ? root : throw new UsageException("The value of --root is empty: give a directory, or leave the option out."),
            StorageDriver = line.GetValue(Driver),
            Registry = registry,
            LoggerFactory = line.GetValue(LogLevel) is { } level ? StandardErrorLogger.Create(level) : null,
        };
        try
        {
            return await ContainerHost.OpenAsync(options, cancellationToken);
        }
        catch (StorageException e) when (e.InnerException is IOException or UnauthorizedAccessException)
        {
            throw new UsageException(e.Message, e) { Hint = "Choose another directory with --root." };
        }
    }
}
