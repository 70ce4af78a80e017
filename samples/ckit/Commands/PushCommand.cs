using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Sends an image to a registry.</summary>
internal sealed class PushCommand : HostCommand
{
    private readonly RegistryFlags _registry = new();
    private readonly Option<bool> _allPlatforms = new("--all-platforms") { Description = "Sends the images for all platforms, where they were pulled so." };
    private readonly Argument<string> _image = new("IMAGE") { Description = "The image's name, which says to which registry." };
    private readonly Argument<string?> _target = new("TARGET") { Description = "Its name there, where that is another.", Arity = ArgumentArity.ZeroOrOne };

    public PushCommand()
        : base("push", "Send an image to a registry. Prints its name there with its digest.")
    {
        _registry.AddTo(this);
        Add(_allPlatforms);
        Add(_image);
        Add(_target);
    }

    protected override RegistryOptions RegistryOptions(ParseResult line) => _registry.Read(line, TargetOf(line));

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var image = await Lookup.ImageAsync(host, line.GetRequiredValue(_image), cancellationToken);
        var options = new PushOptions { AllPlatforms = line.GetValue(_allPlatforms) };
        using (var progress = new ProgressBar())
        {
            await host.Images.PushAsync(image, TargetOf(line), options, progress, cancellationToken);
        }

        var name = ImageReference.Parse(TargetOf(line));
        StandardOutput.PrintLine(name.Digest is null ? $"{name}@{(options.AllPlatforms ? image.IndexDigest : image.Digest)}" : name.ToString());
        return 0;
    }

    private string TargetOf(ParseResult line) => line.GetValue(_target) ?? line.GetRequiredValue(_image);
}
