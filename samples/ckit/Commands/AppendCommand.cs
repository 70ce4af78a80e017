using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Adds a tar to an image as one more layer.</summary>
internal sealed class AppendCommand : HostCommand
{
    private readonly Argument<string> _image = new("IMAGE") { Description = "The image's name or digest." };
    private readonly Argument<string> _archive = new("TAR") { Description = "The layer: a tar, plain or compressed." };
    private readonly Argument<string> _name = new("NAME") { Description = "The new image's name." };
    private readonly ImageEdit _edit;

    public AppendCommand()
        : base("append", "Add a tar to an image as one more layer. Prints the new image's name.")
    {
        _edit = new ImageEdit(this);
        Add(_image);
        Add(_archive);
        Add(_name);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var image = await Lookup.ImageAsync(host, line.GetRequiredValue(_image), cancellationToken);
        using var progress = new ProgressBar();
        var appended = await host.Images.AppendAsync(image, line.GetRequiredValue(_archive), line.GetRequiredValue(_name), _edit.Options(line), progress, cancellationToken);
        StandardOutput.PrintLine(appended.Reference.ToString());
        return 0;
    }
}
