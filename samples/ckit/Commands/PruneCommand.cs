using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Removes what nobody can name and nothing needs.</summary>
internal sealed class PruneCommand : HostCommand
{
    private readonly Option<bool> _containers = new("--containers") { Description = "Removes containers that do not run first, and prints the name of each." };

    public PruneCommand()
        : base("prune", "Remove images without a name that no container stands on, and unpacked layers that nothing needs; containers stay, unless --containers is given.") => Add(_containers);

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        if (line.GetValue(_containers))
        {
            await RemoveContainersAsync(host, cancellationToken);
        }

        var freed = await host.Images.PruneAsync(cancellationToken);
        await host.PruneAsync(cancellationToken);
        StandardOutput.PrintLine($"Freed {Sizes.Format(freed)} of images, and every unpacked layer that nothing needs.");
        return 0;
    }

    private static async Task RemoveContainersAsync(ContainerHost host, CancellationToken cancellationToken)
    {
        await foreach (var container in host.ListContainersAsync(cancellationToken))
        {
            await using (container)
            {
                if ((await container.GetStateAsync(cancellationToken)).Status is ContainerStatus.Created or ContainerStatus.Exited)
                {
                    await container.RemoveAsync(cancellationToken: cancellationToken);
                    StandardOutput.PrintLine(container.Name!);
                }
            }
        }
    }
}
