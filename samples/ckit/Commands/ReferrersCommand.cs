using System.CommandLine;
using System.Text.Json.Nodes;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Lists what a registry keeps about an image: signatures, attestations, lists of what is in it.</summary>
internal sealed class ReferrersCommand : HostCommand
{
    private readonly RegistryFlags _registry = new();
    private readonly Option<bool> _json = Json.Option();
    private readonly Option<string?> _type = new("--artifact-type") { Description = "Only what is of this type, such as application/spdx+json.", HelpName = "TYPE" };
    private readonly Argument<string> _image = new("IMAGE") { Description = "The image's name there, with a tag or digest." };

    public ReferrersCommand()
        : base("referrers", "List what a registry keeps about an image: signatures, attestations and the like.")
    {
        _registry.AddTo(this);
        Add(_json);
        Add(_type);
        Add(_image);
    }

    protected override RegistryOptions RegistryOptions(ParseResult line) => _registry.Read(line, line.GetRequiredValue(_image));

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var referrers = await host.Registry.ReferrersAsync(line.GetRequiredValue(_image), line.GetValue(_type), cancellationToken).ToListAsync(cancellationToken);
        if (line.GetValue(_json))
        {
            StandardOutput.PrintJson(Json.Array(referrers.Select(ToJson)));
            return 0;
        }

        var table = new Table("DIGEST", "ARTIFACT TYPE", "SIZE");
        foreach (var referrer in referrers)
        {
            table.Add(referrer.Descriptor.Digest.ToString(), Text.Quote(referrer.ArtifactType), Sizes.Format(referrer.Descriptor.Size));
        }

        table.Print();
        return 0;
    }

    private static JsonObject ToJson(Referrer referrer) => new()
    {
        ["Digest"] = referrer.Descriptor.Digest.ToString(),
        ["MediaType"] = referrer.Descriptor.MediaType,
        ["ArtifactType"] = referrer.ArtifactType,
        ["Size"] = referrer.Descriptor.Size,
        ["Annotations"] = Json.Map(referrer.Descriptor.Annotations),
    };
}
