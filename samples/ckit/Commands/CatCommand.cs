using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Prints a file of an image.</summary>
internal sealed class CatCommand : HostCommand
{
    private readonly Argument<string> _image = new("IMAGE") { Description = "The image's name or digest." };
    private readonly Argument<string> _path = new("PATH") { Description = "The file; a symlink is followed inside the image." };

    public CatCommand()
        : base("cat", "Print a file of an image.")
    {
        Add(_image);
        Add(_path);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        await FilesOfImage.UseAsync(host, line.GetRequiredValue(_image), line.GetRequiredValue(_path), PrintAsync, cancellationToken);
        return 0;

        async Task PrintAsync(ImageFiles files, string path)
        {
            await using var file = await files.OpenReadAsync(path, cancellationToken);
            await Pump.OutAsync(file, Descriptors.Output);
        }
    }
}
