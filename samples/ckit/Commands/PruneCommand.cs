using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Removes what nobody can name and nothing needs.</summary>
internal sealed class PruneCommand : HostCommand
{
    public PruneCommand()
        : base("prune", "Remove images without a name that no container stands on, and unpacked layers that nothing needs.")
    {
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var freed = await host.Images.PruneAsync(cancellationToken);
        await host.PruneAsync(cancellationToken);
        StandardOutput.PrintLine($"Freed {Sizes.Format(freed)} of images, and every unpacked layer that nothing needs.");
        return 0;
    }
}
