using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ContainerKit.Images;

/// <summary>Reads and writes the JSON documents of images: bounded, without reflection, and with every failure a sentence.</summary>
internal static class JsonDocuments
{
    /// <summary>The most bytes that a manifest, index or config may have; registries draw the same line.</summary>
    public const int MaxBytes = 4 << 20;

    private const int MaxDepth = 64;

    // A repeated name means one thing to one reader and another to the next, so none is accepted.
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = MaxDepth, AllowDuplicateProperties = false };

    private static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads a document whose root is an object.</summary>
    /// <param name="json">Its bytes, verified already.</param>
    /// <param name="what">What it is, for the error: <c>the manifest sha256:…</c>.</param>
    /// <param name="maxBytes">The most bytes that it may have.</param>
    public static JsonObject Parse(ReadOnlySpan<byte> json, string what, int maxBytes = MaxBytes) =>
        ParseAny(json, what, maxBytes) as JsonObject ?? throw new ImageException($"The {what} is not a JSON object.");

    /// <summary>Reads a document whose root is an array.</summary>
    public static JsonArray ParseArray(ReadOnlySpan<byte> json, string what) =>
        ParseAny(json, what, MaxBytes) as JsonArray ?? throw new ImageException($"The {what} is not a JSON array.");

    /// <summary>Whether bytes are a document whose root is an object.</summary>
    public static bool IsObject(ReadOnlySpan<byte> json)
    {
        try
        {
            return ParseAny(json, "document", MaxBytes) is JsonObject;
        }
        catch (ImageException)
        {
            return false;
        }
    }

    /// <summary>The document's bytes; the same document gives the same ones.</summary>
    public static byte[] Write(JsonNode document, bool indented = false)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, WriterOptions with { Indented = indented }))
        {
            document.WriteTo(writer);
        }

        return buffer.ToArray();
    }

    public static string? FindString(this JsonObject document, string name, string what) => document[name] switch
    {
        null => null,
        JsonValue value when value.TryGetValue(out string? text) => text,
        _ => throw Wrong(what, name, "text"),
    };

    public static string GetString(this JsonObject document, string name, string what) =>
        document.FindString(name, what) ?? throw new ImageException($"The {what} has no '{name}'.");

    public static long GetInt64(this JsonObject document, string name, string what) =>
        document[name] is JsonValue value && value.TryGetValue(out long number) ? number : throw Wrong(what, name, "a number");

    public static bool FindBoolean(this JsonObject document, string name, string what) => document[name] switch
    {
        null => false,
        JsonValue value when value.TryGetValue(out bool truth) => truth,
        _ => throw Wrong(what, name, "true or false"),
    };

    public static JsonObject? FindObject(this JsonObject document, string name, string what) => document[name] switch
    {
        null => null,
        JsonObject value => value,
        _ => throw Wrong(what, name, "an object"),
    };

    public static JsonArray? FindArray(this JsonObject document, string name, string what) => document[name] switch
    {
        null => null,
        JsonArray value => value,
        _ => throw Wrong(what, name, "an array"),
    };

    /// <summary>An array of objects; empty when there is none.</summary>
    public static IEnumerable<JsonObject> Objects(this JsonObject document, string name, string what) =>
        (document.FindArray(name, what) ?? []).Select(item => item as JsonObject ?? throw Wrong(what, name, "an array of objects"));

    /// <summary>An array of strings; empty when there is none.</summary>
    public static IReadOnlyList<string> Strings(this JsonObject document, string name, string what) =>
        document.FindArray(name, what) is { } array ? [.. array.Select(item => Text(item, what, name))] : [];

    /// <summary>An object whose values are strings; empty when there is none.</summary>
    public static IReadOnlyDictionary<string, string> Map(this JsonObject document, string name, string what)
    {
        var map = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in document.FindObject(name, what) ?? [])
        {
            map[key] = Text(value, what, name);
        }

        return map.AsReadOnly();
    }

    public static JsonArray ArrayOf(IEnumerable<string> items) => new([.. items.Select(item => (JsonNode)item)]);

    public static JsonObject ObjectOf(IEnumerable<KeyValuePair<string, string>> items) =>
        new(items.OrderBy(item => item.Key, StringComparer.Ordinal).Select(item => KeyValuePair.Create(item.Key, (JsonNode?)item.Value)));

    public static Digest ParseDigest(string text, string what) => Digest.TryParse(text, out var digest)
        ? digest
        : throw new ImageException($"The {what} has a digest that is neither sha256: and 64 lower-case hexadecimal digits nor sha512: and 128.");

    private static string Text(JsonNode? item, string what, string name) =>
        item is JsonValue value && value.TryGetValue(out string? text) ? text : throw Wrong(what, name, "text only");

    private static JsonNode? ParseAny(ReadOnlySpan<byte> json, string what, int maxBytes)
    {
        if (json.Length > maxBytes)
        {
            throw new ImageException($"The {what} has {json.Length} bytes; {maxBytes} are allowed.");
        }

        try
        {
            var document = JsonNode.Parse(json, documentOptions: Options);
            ReadAll(document);
            return document;
        }
        catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException)
        {
            throw new ImageException($"The {what} is not valid JSON: {e.Message}", e);
        }
    }

    // Text is decoded when it is asked for, and only then found to be no text (bytes that are not UTF-8, half of a surrogate pair).
    // Asking once for all of it brings that failure here.
    private static void ReadAll(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject members:
                foreach (var (_, member) in members)
                {
                    ReadAll(member);
                }

                break;
            case JsonArray items:
                foreach (var item in items)
                {
                    ReadAll(item);
                }

                break;
            case JsonValue value:
                value.TryGetValue(out string? _);
                break;
        }
    }

    private static ImageException Wrong(string what, string name, string expected) => new($"The {what} has a '{name}' that is not {expected}.");
}
