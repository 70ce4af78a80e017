using System.CommandLine;
using Ckit.CommandLine;

namespace Ckit.Commands;

/// <summary>How a detached container is started, for the commands that start one.</summary>
internal static class DetachedFlags
{
    public static Option<long?> LogSize() => new("--log-size") { Description = "How large the log grows before it is put aside; two are kept. 16m unless given.", HelpName = "BYTES", CustomParser = Sizes.Parse };

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
