using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Puts the upper layers of an image onto another base.</summary>
internal sealed class RebaseCommand : HostCommand
{
    private readonly Argument<string> _image = new("IMAGE") { Description = "The image's name or digest." };
    private readonly Argument<string> _oldBase = new("OLDBASE") { Description = "The image that it stands on." };
    private readonly Argument<string> _newBase = new("NEWBASE") { Description = "The image that it is to stand on." };
    private readonly Argument<string> _name = new("NAME") { Description = "The new image's name." };
    private readonly ImageEdit _edit;

    public RebaseCommand()
        : base("rebase", "Put the layers of an image that lie on one base onto another. Prints the new image's name.")
    {
        _edit = new ImageEdit(this);
        Add(_image);
        Add(_oldBase);
        Add(_newBase);
        Add(_name);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var image = await Lookup.ImageAsync(host, line.GetRequiredValue(_image), cancellationToken);
        var oldBase = await Lookup.ImageAsync(host, line.GetRequiredValue(_oldBase), cancellationToken);
        var newBase = await Lookup.ImageAsync(host, line.GetRequiredValue(_newBase), cancellationToken);
        var rebased = await host.Images.RebaseAsync(image, oldBase, newBase, line.GetRequiredValue(_name), _edit.Options(line), cancellationToken);
        StandardOutput.PrintLine(rebased.Reference.ToString());
        return 0;
    }
}
