using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Deletes an image, or a tag, from a registry.</summary>
internal sealed class DeleteCommand : HostCommand
{
    private readonly RegistryFlags _registry = new();
    private readonly Argument<string> _image = new("IMAGE") { Description = "The image's name there. With a tag: that tag alone; with a digest: the image with all its tags." };

    public DeleteCommand()
        : base("delete", "Delete an image from a registry; rmi is for those here. Prints its name.")
    {
        _registry.AddTo(this);
        Add(_image);
    }

    protected override RegistryOptions RegistryOptions(ParseResult line) => _registry.Read(line, line.GetRequiredValue(_image));

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var image = line.GetRequiredValue(_image);
        if (ImageReference.Parse(image) is { Digest: null } && !image.EndsWith($":{ImageReference.Parse(image).Tag}", StringComparison.Ordinal))
        {
            throw new UsageException($"'{image}' has neither a tag nor a digest: what is deleted has to be said.");
        }

        await host.Registry.DeleteAsync(image, cancellationToken);
        StandardOutput.PrintLine(ImageReference.Parse(image).ToString());
        return 0;
    }
}
