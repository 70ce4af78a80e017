using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>How a detached container is started, for the commands that start one.</summary>
internal static class DetachedFlags
{
    public static Option<long?> LogSize() => new("--log-size") { Description = "How large the log grows before it is put aside; two are kept. 16m unless given.", HelpName = "BYTES", CustomParser = Sizes.Parse };

    /// <summary>Says that nobody checks the health of what runs by itself, where there is a check.</summary>
    public static void WarnOfHealth(Container container)
    {
        if (container.Settings.Config.HealthCheck is { } check && !check.Equals(HealthCheck.None))
        {
            StandardError.WriteLine($"Health checks run while a process is attached: 'ckit attach {container.Name}', or a program that holds it by AttachAsync.");
        }
    }

    public static StartOptions Read(long? logSize)
    {
        try
        {
            return logSize is { } bytes ? new StartOptions { Detached = true, MaxLogBytes = bytes } : new StartOptions { Detached = true };
        }
        catch (ArgumentOutOfRangeException e)
        {
            throw new UsageException($"A log of {logSize} bytes is too small: give it 64k at least.", e);
        }
    }
}
