using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Lists what an image is made of.</summary>
internal sealed class LayersCommand : HostCommand
{
    private const int LongestStep = 60;

    private readonly Option<bool> _json = Json.Option();
    private readonly Option<bool> _full = new("--no-trunc") { Description = "Prints digests and commands in full." };
    private readonly Argument<string> _image = new("IMAGE") { Description = "The image's name or digest." };

    public LayersCommand()
        : base("layers", "List an image's layers, the lowest first.")
    {
        Add(_json);
        Add(_full);
        Add(_image);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var image = await Lookup.ImageAsync(host, line.GetRequiredValue(_image), cancellationToken);
        var steps = image.Config.History.Where(step => !step.IsEmptyLayer).ToArray();
        var layers = image.Layers.Select((layer, i) => (Layer: layer, Step: i < steps.Length ? steps[i].CreatedBy ?? steps[i].Comment ?? "" : ""));
        if (line.GetValue(_json))
        {
            StandardOutput.PrintJson(Json.Array(layers.Select(each => ToJson(each.Layer, each.Step))));
            return 0;
        }

        var isFull = line.GetValue(_full);
        var table = new Table("LAYER", "DIFF ID", "BLOB", "SIZE", "CREATED BY");
        foreach (var (layer, step) in layers)
        {
            table.Add(
                (table.Rows + 1).ToString(CultureInfo.InvariantCulture),
                isFull ? layer.DiffId.ToString() : layer.DiffId.Hex[..12],
                isFull ? layer.Descriptor.Digest.ToString() : layer.Descriptor.Digest.Hex[..12],
                Sizes.Format(layer.Descriptor.Size),
                Text.Quote(isFull || step.Length <= LongestStep ? step : step[..LongestStep]));
        }

        table.Print();
        return 0;
    }

    private static JsonObject ToJson(Layer layer, string step) => new()
    {
        ["DiffId"] = layer.DiffId.ToString(),
        ["Digest"] = layer.Descriptor.Digest.ToString(),
        ["MediaType"] = layer.Descriptor.MediaType,
        ["Size"] = layer.Descriptor.Size,
        ["CreatedBy"] = step,
    };
}
