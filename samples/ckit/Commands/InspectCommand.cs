using System.CommandLine;
using System.Text.Json.Nodes;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Prints all that is known about containers and images.</summary>
internal sealed class InspectCommand : HostCommand
{
    private readonly Option<string?> _type = new("--type") { Description = "Looks for a container or an image only.", HelpName = "container|image" };
    private readonly Argument<string[]> _names = new("NAME") { Description = "Containers or images.", Arity = ArgumentArity.OneOrMore };

    public InspectCommand()
        : base("inspect", "Print all that is known about containers and images, as a JSON array with docker's keys.")
    {
        Add(_type);
        Add(_names);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var type = line.GetValue(_type);
        if (type is not (null or "container" or "image"))
        {
            throw new UsageException($"There is no type '{type}'; there are container and image.", this);
        }

        var found = new JsonArray();
        var code = await ForEachAsync(line.GetRequiredValue(_names), async name => found.Add((JsonNode)await InspectAsync(host, name, type, cancellationToken)));
        StandardOutput.PrintJson(found);
        return code;
    }

    private static async Task<JsonObject> InspectAsync(ContainerHost host, string name, string? type, CancellationToken cancellationToken)
    {
        if (type != "image" && await Lookup.TryContainerAsync(host, name, cancellationToken) is { } container)
        {
            await using (container)
            {
                return ContainerInspection.ToJson(container, host.StorageDriver, await container.GetStateAsync(cancellationToken));
            }
        }

        if (type != "container" && await Lookup.TryImageAsync(host, name, cancellationToken) is { } image)
        {
            return ImageInspection.ToJson(image, await NamesAsync(host, image, cancellationToken));
        }

        throw type switch
        {
            "image" => Lookup.NoImage(name),
            "container" => Lookup.NoContainer(name),
            _ => new UsageException($"There is no container and no image '{name}'."),
        };
    }

    private static async Task<IReadOnlyList<ImageReference>> NamesAsync(ContainerHost host, Image image, CancellationToken cancellationToken)
    {
        var names = new List<ImageReference>();
        await foreach (var each in host.Images.ListAsync(cancellationToken))
        {
            if (each.Digest == image.Digest && each.Reference.HasName)
            {
                names.Add(each.Reference);
            }
        }

        return names;
    }
}
