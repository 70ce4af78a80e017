using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Fetches an image from its registry.</summary>
internal sealed class PullCommand : HostCommand
{
    private readonly RegistryFlags _registry = new();
    private readonly Option<Platform?> _platform = new("--platform") { Description = "For which platform, where there are several; this machine's unless given.", HelpName = "OS/ARCH[/VARIANT]", CustomParser = Platforms.Parse };
    private readonly Option<bool> _allPlatforms = new("--all-platforms") { Description = "Takes the images for all platforms." };
    private readonly Option<bool> _foreign = new("--foreign-layers") { Description = "Fetches foreign layers, too, from wherever the image says, without credentials." };
    private readonly Argument<string> _image = new("IMAGE") { Description = "The image's name, such as debian:12 or registry.example:5000/team/app:1.0." };

    public PullCommand()
        : base("pull", "Fetch an image from its registry. Prints the image's name.")
    {
        _registry.AddTo(this);
        Add(_platform);
        Add(_allPlatforms);
        Add(_foreign);
        Add(_image);
    }

    protected override RegistryOptions RegistryOptions(ParseResult line) => _registry.Read(line, line.GetRequiredValue(_image));

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        Image image;
        using (var progress = new ProgressBar())
        {
            var options = new PullOptions { Platform = line.GetValue(_platform), AllPlatforms = line.GetValue(_allPlatforms), ForeignLayers = line.GetValue(_foreign) };
            image = await host.Images.PullAsync(line.GetRequiredValue(_image), options, progress, cancellationToken);
        }

        StandardOutput.PrintLine(image.Reference.ToString());
        return 0;
    }
}
