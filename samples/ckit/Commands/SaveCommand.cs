using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Saves an image for others.</summary>
internal sealed class SaveCommand : HostCommand
{
    private readonly Option<string?> _output = new("--output", "-o") { Description = "The file or directory that appears; standard output unless given.", HelpName = "FILE" };
    private readonly Option<string> _format = new("--format")
    {
        Description = "oci (an OCI archive; unless given), docker (what docker load reads) or oci-dir (a directory).",
        HelpName = "FORMAT",
        DefaultValueFactory = _ => "oci",
    };

    private readonly Option<string?> _compression = ImageEdit.CompressionOption("How the layers in an OCI format are compressed: gzip, zstd or none; as in the store unless given.");
    private readonly Option<bool> _allPlatforms = new("--all-platforms") { Description = "Writes the images for all platforms, where they were pulled or loaded so." };
    private readonly Argument<string> _image = new("IMAGE") { Description = "The image's name or digest." };

    public SaveCommand()
        : base("save", "Save an image as an archive or directory.")
    {
        Add(_output);
        Add(_format);
        Add(_compression);
        Add(_allPlatforms);
        Add(_image);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var format = line.GetRequiredValue(_format) switch
        {
            "oci" => ImageArchiveFormat.Oci,
            "oci-dir" => ImageArchiveFormat.OciDirectory,
            "docker" => ImageArchiveFormat.Docker,
            var other => throw new UsageException($"There is no format '{other}'; there are oci, docker and oci-dir."),
        };
        var conversion = new ImageConversion { Compression = ImageEdit.Compression(line.GetValue(_compression)) };
        if (format == ImageArchiveFormat.Docker && conversion.Compression is not null)
        {
            throw new UsageException("The layers in a docker archive are plain: --compression is for oci and oci-dir.");
        }

        var allPlatforms = line.GetValue(_allPlatforms);
        if (allPlatforms && (format == ImageArchiveFormat.Docker || conversion.Compression is not null))
        {
            throw new UsageException("Images for all platforms are saved as they are: --all-platforms is for oci and oci-dir, without --compression.");
        }

        var image = await Lookup.ImageAsync(host, line.GetRequiredValue(_image), cancellationToken);
        if (line.GetValue(_output) is { } path)
        {
            using var progress = new ProgressBar();
            await SaveAsync(path, progress);
        }
        else if (format == ImageArchiveFormat.OciDirectory || Descriptors.IsTerminal(Descriptors.Output))
        {
            throw new UsageException("A terminal shows no archive, and a directory goes into no pipe: name a file or directory with -o.", this);
        }
        else
        {
            using var spooled = SpooledFile.Nothing();
            await SaveAsync(spooled.Path, null);
            await using var archive = File.OpenRead(spooled.Path);
            await Pump.OutAsync(archive, Descriptors.Output);
        }

        return 0;

        Task SaveAsync(string to, IProgress<ImageProgress>? progress) => allPlatforms
            ? host.Images.SaveAsync(image, to, format, new SaveOptions { AllPlatforms = true }, progress, cancellationToken)
            : host.Images.SaveAsync(image, to, format, conversion, progress, cancellationToken);
    }
}
