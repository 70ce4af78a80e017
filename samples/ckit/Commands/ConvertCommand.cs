using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Tells an image in other words, or compresses it otherwise.</summary>
internal sealed class ConvertCommand : HostCommand
{
    private readonly Option<string?> _manifest = new("--manifest") { Description = "Whose words the manifest is in: oci or docker.", HelpName = "FORMAT" };
    private readonly Option<string?> _compression = ImageEdit.CompressionOption("How every layer is compressed: gzip, zstd or none.");
    private readonly Argument<string> _image = new("IMAGE") { Description = "The image's name or digest." };
    private readonly Argument<string> _name = new("NAME") { Description = "The name of the result." };

    public ConvertCommand()
        : base("convert", "Tell an image in OCI's or Docker's words, or compress its layers otherwise. Prints the new image's name.")
    {
        Add(_manifest);
        Add(_compression);
        Add(_image);
        Add(_name);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var conversion = new ImageConversion
        {
            Manifest = line.GetValue(_manifest) switch
            {
                null => null,
                "oci" => ManifestFormat.Oci,
                "docker" => ManifestFormat.Docker,
                var other => throw new UsageException($"There are no manifests of '{other}'; there are oci and docker."),
            },
            Compression = ImageEdit.Compression(line.GetValue(_compression)),
        };
        var image = await Lookup.ImageAsync(host, line.GetRequiredValue(_image), cancellationToken);
        var converted = await host.Images.ConvertAsync(image, line.GetRequiredValue(_name), conversion, cancellationToken);
        StandardOutput.PrintLine(converted.Reference.ToString());
        return 0;
    }
}
