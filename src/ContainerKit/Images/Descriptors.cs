using System.Text.Json.Nodes;

namespace ContainerKit.Images;

/// <summary>Descriptors and platforms as JSON. OCI image specification, descriptor.md and image-index.md.</summary>
internal static class Descriptors
{
    private const int MaxMediaTypeLength = 255;

    public static Descriptor Parse(JsonObject document, string what)
    {
        var mediaType = document.GetString("mediaType", what);
        var size = document.GetInt64("size", what);
        if (mediaType.Length > MaxMediaTypeLength || size < 0)
        {
            throw new ImageException($"The {what} has a descriptor whose type or size makes no sense.");
        }

        return new Descriptor(mediaType, JsonDocuments.ParseDigest(document.GetString("digest", what), what), size)
        {
            Annotations = document.Map("annotations", what),
            Urls = document.Strings("urls", what),
            Source = document,
        };
    }

    public static JsonObject ToJson(Descriptor descriptor)
    {
        // Of other content nothing is known that its own descriptor does not say: not the data in it, and not its platform.
        var isAsRead = descriptor.Source is { } source && source["digest"]?.GetValue<string>() == descriptor.Digest.ToString();
        var document = isAsRead ? (JsonObject)descriptor.Source!.DeepClone() : new JsonObject();
        document["mediaType"] = descriptor.MediaType;
        document["digest"] = descriptor.Digest.ToString();
        document["size"] = descriptor.Size;
        Set(document, "urls", descriptor.Urls.Count > 0 ? JsonDocuments.ArrayOf(descriptor.Urls) : null);
        Set(document, "annotations", descriptor.Annotations.Count > 0 ? JsonDocuments.ObjectOf(descriptor.Annotations) : null);
        return document;
    }

    public static Platform? ParsePlatform(JsonObject descriptor, string what)
    {
        if (descriptor.FindObject("platform", what) is not { } platform)
        {
            return null;
        }

        var variant = platform.FindString("variant", what);
        return new Platform(platform.FindString("os", what) ?? "", platform.FindString("architecture", what) ?? "", variant is "" ? null : variant);
    }

    public static JsonObject ToJson(Platform platform)
    {
        var document = new JsonObject { ["architecture"] = platform.Architecture, ["os"] = platform.OperatingSystem };
        if (platform.Variant is { } variant)
        {
            document["variant"] = variant;
        }

        return document;
    }

    private static void Set(JsonObject document, string name, JsonNode? value)
    {
        if (value is null)
        {
            document.Remove(name);
        }
        else
        {
            document[name] = value;
        }
    }
}
