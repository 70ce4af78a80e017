using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Removes images, or one of several names.</summary>
internal sealed class RmiCommand : HostCommand
{
    private readonly Option<bool> _force = new("--force", "-f") { Description = "Does not mind those that are not there." };
    private readonly Argument<string[]> _images = new("IMAGE") { Description = "Names or digests.", Arity = ArgumentArity.OneOrMore };

    public RmiCommand()
        : base("rmi", "Take names from images; an image goes with its last, and what was unpacked of it. Prints each name.")
    {
        Add(_force);
        Add(_images);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var isForced = line.GetValue(_force);
        var code = await ForEachAsync(
            line.GetRequiredValue(_images),
            async name =>
            {
                if (await Lookup.TryImageAsync(host, name, cancellationToken) is not null)
                {
                    await host.Images.RemoveAsync(name, cancellationToken);
                    StandardOutput.PrintLine(name);
                }
                else if (!isForced)
                {
                    throw Lookup.NoImage(name);
                }
            });
        await host.PruneAsync(cancellationToken);
        return code;
    }
}
