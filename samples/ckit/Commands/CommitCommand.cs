using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Makes an image of a container.</summary>
internal sealed class CommitCommand : HostCommand
{
    private readonly Argument<string> _container = new("CONTAINER") { Description = "A name, an id, or the beginning of an id." };
    private readonly Argument<string> _image = new("IMAGE") { Description = "The new image's name." };

    private readonly ImageEdit _edit;

    public CommitCommand()
        : base("commit", "Make an image of a container: its image, and its own files as one more layer. Prints the image's name.")
    {
        _edit = new ImageEdit(this);
        Add(_container);
        Add(_image);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        await using var container = await Lookup.ContainerAsync(host, line.GetRequiredValue(_container), cancellationToken);
        var image = await container.CommitAsync(line.GetRequiredValue(_image), _edit.Options(line), cancellationToken);
        StandardOutput.PrintLine(image.Reference.ToString());
        return 0;
    }
}
