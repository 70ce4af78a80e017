using System.Text.Json.Nodes;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>An image as <c>docker image inspect</c> describes it.</summary>
internal static class ImageInspection
{
    public static JsonObject ToJson(Image image, IReadOnlyList<ImageReference> names) => new()
    {
        ["Id"] = image.Digest.ToString(),
        ["RepoTags"] = Json.Strings(names.Where(name => name.Tag is not null).Select(name => name.ToString())),
        ["RepoDigests"] = Json.Strings(names.Select(ImageName.RepositoryOf).Distinct().Select(name => $"{name}@{image.Digest}")),
        ["Comment"] = image.Config.History is [.., var last] ? last.Comment ?? "" : "",
        ["Created"] = Json.Time(image.Config.Created),
        ["Author"] = image.Config.Author ?? "",
        ["Config"] = ConfigToJson(image.Config),
        ["Architecture"] = image.Config.Platform.Architecture,
        ["Variant"] = image.Config.Platform.Variant,
        ["Os"] = image.Config.Platform.OperatingSystem,
        ["Size"] = image.Size,
        ["RootFS"] = new JsonObject
        {
            ["Type"] = "layers",
            ["Layers"] = Json.Strings(image.Layers.Select(layer => layer.DiffId.ToString())),
        },
    };

    /// <summary>The part that images and containers share.</summary>
    public static JsonObject ConfigToJson(ImageConfig config) => new()
    {
        ["User"] = config.User,
        ["Env"] = Json.Strings(config.Environment),
        ["Entrypoint"] = config.Entrypoint.Count > 0 ? Json.Strings(config.Entrypoint) : null,
        ["Cmd"] = config.Command.Count > 0 ? Json.Strings(config.Command) : null,
        ["WorkingDir"] = config.WorkingDirectory,
        ["ExposedPorts"] = config.ExposedPorts.Count > 0 ? Json.Set(config.ExposedPorts) : null,
        ["Volumes"] = config.Volumes.Count > 0 ? Json.Set(config.Volumes) : null,
        ["Labels"] = config.Labels.Count > 0 ? Json.Map(config.Labels) : null,
        ["StopSignal"] = config.StopSignal,
    };
}
