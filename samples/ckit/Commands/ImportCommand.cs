using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Makes an image of a root file system.</summary>
internal sealed class ImportCommand : HostCommand
{
    private readonly Argument<string> _archive = new("ROOTFS.tar") { Description = "The archive, plain or compressed with gzip, zstd, xz or bzip2; '-' for standard input." };
    private readonly Argument<string> _image = new("IMAGE") { Description = "The new image's name." };

    public ImportCommand()
        : base("import", "Make an image of a root file system's archive. Prints the image's name.")
    {
        Add(_archive);
        Add(_image);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var path = line.GetRequiredValue(_archive);
        var name = line.GetRequiredValue(_image);
        Image image;
        using (var progress = new ProgressBar())
        {
            image = path == "-"
                ? await host.Images.ImportAsync(Console.OpenStandardInput(), name, progress, cancellationToken)
                : await host.Images.ImportAsync(path, name, progress, cancellationToken);
        }

        StandardOutput.PrintLine(image.Reference.ToString());
        return 0;
    }
}
