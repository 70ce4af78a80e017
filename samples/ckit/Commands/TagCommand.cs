using System.CommandLine;
using Ckit.CommandLine;

namespace Ckit.Commands;

/// <summary>Gives an image a further name.</summary>
internal sealed class TagCommand : HostCommand
{
    private readonly Argument<string> _image = new("IMAGE") { Description = "The image's name or digest." };
    private readonly Argument<string> _name = new("NAME") { Description = "The further name." };

    public TagCommand()
        : base("tag", "Give an image a further name.")
    {
        Add(_image);
        Add(_name);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var image = await Lookup.ImageAsync(host, line.GetRequiredValue(_image), cancellationToken);
        await host.Images.TagAsync(image, line.GetRequiredValue(_name), cancellationToken);
        return 0;
    }
}
