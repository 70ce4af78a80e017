using System.CommandLine;

namespace Ckit.CommandLine;

/// <summary>A command that works on an open store. What it returns is ckit's exit code.</summary>
internal abstract class HostCommand : Command
{
    protected HostCommand(string name, string description)
        : base(name, description) => SetAction(async (line, cancellationToken) =>
        {
            await using var host = await GlobalOptions.OpenHostAsync(line, RegistryOptions(line), cancellationToken);
            return await RunAsync(host, line, cancellationToken);
        });

    /// <summary>How registries are spoken to, for a command that does.</summary>
    protected virtual RegistryOptions RegistryOptions(ParseResult line) => new();

    protected abstract Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken);

    /// <summary>Does something to each of several names: one that fails does not keep the others from their turn.</summary>
    /// <returns>0, or the exit code of a failure.</returns>
    protected static async Task<int> ForEachAsync(IEnumerable<string> names, Func<string, Task> action)
    {
        var code = 0;
        foreach (var name in names)
        {
            try
            {
                await action(name);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                code = Failure.Report(e);
            }
        }

        return code;
    }
}
