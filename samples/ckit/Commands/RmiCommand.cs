using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Removes images, or one of several names.</summary>
internal sealed class RmiCommand : HostCommand
{
    private readonly Argument<string[]> _images = new("IMAGE") { Description = "Names or digests.", Arity = ArgumentArity.OneOrMore };

    public RmiCommand()
        : base("rmi", "Take names from images; an image goes with its last. Prints each name.") => Add(_images);

    protected override Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken) => ForEachAsync(
        line.GetRequiredValue(_images),
        async name =>
        {
            await host.Images.RemoveAsync(name, cancellationToken);
            StandardOutput.PrintLine(name);
        });
}
