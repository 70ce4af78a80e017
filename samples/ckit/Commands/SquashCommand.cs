using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Makes one layer of an image's layers.</summary>
internal sealed class SquashCommand : HostCommand
{
    private readonly Option<string?> _keep = new("--keep") { Description = "An image that IMAGE stands on, whose layers stay.", HelpName = "BASE" };
    private readonly Argument<string> _image = new("IMAGE") { Description = "The image's name or digest." };
    private readonly Argument<string> _name = new("NAME") { Description = "The new image's name." };
    private readonly ImageEdit _edit;

    public SquashCommand()
        : base("squash", "Make one layer of an image's layers. Prints the new image's name.")
    {
        Add(_keep);
        _edit = new ImageEdit(this);
        Add(_image);
        Add(_name);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var image = await Lookup.ImageAsync(host, line.GetRequiredValue(_image), cancellationToken);
        var keep = line.GetValue(_keep) is { } name ? await Lookup.ImageAsync(host, name, cancellationToken) : null;
        var squashed = await host.Images.SquashAsync(image, line.GetRequiredValue(_name), keep, _edit.Options(line), cancellationToken);
        StandardOutput.PrintLine(squashed.Reference.ToString());
        return 0;
    }
}
