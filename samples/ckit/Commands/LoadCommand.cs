using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Loads images that were saved, here or by another tool.</summary>
internal sealed class LoadCommand : HostCommand
{
    private readonly Option<string?> _input = new("--input", "-i")
    {
        Description = "An OCI archive, a docker-archive, or a directory that is an OCI image layout; standard input unless given.",
        HelpName = "FILE|DIR",
    };

    private readonly Option<bool> _allPlatforms = new("--all-platforms") { Description = "Takes the images for all platforms." };

    public LoadCommand()
        : base("load", "Load every image of an archive or directory. Prints the images' names.")
    {
        Add(_input);
        Add(_allPlatforms);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        IReadOnlyList<Image> images;
        var refused = new List<string>();
        var path = line.GetValue(_input);
        using (var spooled = path is null ? SpooledFile.OfInput() : SpooledFile.OfPipe(path))
        using (var progress = new ProgressBar())
        {
            images = await host.Images.LoadAllAsync(spooled?.Path ?? path!, new LoadOptions { AllPlatforms = line.GetValue(_allPlatforms), OnRefusedName = refused.Add }, progress, cancellationToken);
        }

        foreach (var name in refused)
        {
            StandardError.WriteLine($"ckit: The archive calls an image {Text.Quote(name)}, which is no image name: it was loaded without it.");
        }

        using var output = new StandardOutput();
        foreach (var image in images)
        {
            output.WriteLine(image.Reference.ToString());
        }

        return 0;
    }
}
