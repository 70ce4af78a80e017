using System.CommandLine;
using System.Text.Json.Nodes;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Lists images.</summary>
internal sealed class ImagesCommand : HostCommand
{
    private readonly Option<bool> _quiet = new("--quiet", "-q") { Description = "Prints ids only." };
    private readonly Option<bool> _digests = new("--digests") { Description = "Prints digests, too." };
    private readonly Option<bool> _full = new("--no-trunc") { Description = "Prints ids in full." };
    private readonly Option<bool> _json = Json.Option();

    public ImagesCommand()
        : base("images", "List images.")
    {
        Add(_quiet);
        Add(_digests);
        Add(_full);
        Add(_json);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var images = new List<Image>();
        await foreach (var image in host.Images.ListAsync(cancellationToken))
        {
            images.Add(image);
        }

        var isFull = line.GetValue(_full);
        if (line.GetValue(_json))
        {
            StandardOutput.PrintJson(Json.Array(images.Select(ToJson)));
        }
        else if (line.GetValue(_quiet))
        {
            using var output = new StandardOutput();
            foreach (var id in images.Select(image => Id(image, isFull)).Distinct())
            {
                output.WriteLine(id);
            }
        }
        else
        {
            Print(images, line.GetValue(_digests), isFull);
        }

        return 0;
    }

    private static void Print(List<Image> images, bool withDigests, bool isFull)
    {
        string[] digest = withDigests ? ["DIGEST"] : [];
        var table = new Table(["REPOSITORY", "TAG", .. digest, "IMAGE ID", "CREATED", "SIZE"]);
        foreach (var image in images)
        {
            var name = ImageName.Of(image.Reference);
            digest = withDigests ? [image.Digest.ToString()] : [];
            table.Add([name.Repository, name.Tag, .. digest, Id(image, isFull), Ages.Format(image.Config.Created), Sizes.Format(image.Size)]);
        }

        table.Print();
    }

    private static JsonObject ToJson(Image image) => new()
    {
        ["Repository"] = ImageName.Of(image.Reference).Repository,
        ["Tag"] = ImageName.Of(image.Reference).Tag,
        ["ID"] = image.Digest.ToString(),
        ["Digest"] = image.Digest.ToString(),
        ["CreatedAt"] = Json.Time(image.Config.Created),
        ["Size"] = image.Size,
    };

    private static string Id(Image image, bool isFull) => isFull ? image.Digest.ToString() : image.Digest.Hex[..12];
}
