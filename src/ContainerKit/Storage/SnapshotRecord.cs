using System.Buffers;
using System.Text.Json;

namespace ContainerKit.Storage;

/// <summary>What <c>snapshot.json</c> says: written once, when the snapshot is made, so its time is the snapshot's own.</summary>
/// <param name="Name">The name that it was made under; a committed one has another, in the file <c>name</c>.</param>
/// <param name="Kind">Writable or view, as it was made.</param>
/// <param name="Parents">The names of what it is built on, the nearest first.</param>
/// <param name="StableId"><see cref="Snapshot.StableId"/></param>
/// <param name="ParentStableIds">Those of the parents, in the same order.</param>
/// <param name="Driver">Who made it.</param>
/// <param name="UserAttributes"><see cref="Snapshot.UserAttributes"/></param>
/// <param name="IdMap"><see cref="Snapshot.IdMap"/></param>
internal sealed record SnapshotRecord(
    string Name, SnapshotKind Kind, IReadOnlyList<string> Parents, string StableId, IReadOnlyList<string> ParentStableIds, string Driver, bool UserAttributes, string? IdMap)
{
    public const string FileName = "snapshot.json";

    private const int Version = 1;

    public byte[] ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true });
        writer.WriteStartObject();
        writer.WriteNumber("version", Version);
        writer.WriteString("name", Name);
        writer.WriteString("kind", Kind == SnapshotKind.View ? "view" : "writable");
        writer.WriteString("stableId", StableId);
        WriteTexts(writer, "parents", Parents);
        WriteTexts(writer, "parentStableIds", ParentStableIds);
        writer.WriteString("driver", Driver);
        writer.WriteString("attributes", UserAttributes ? "user" : "trusted");
        if (IdMap is not null)
        {
            writer.WriteString("idMap", IdMap);
        }

        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <exception cref="StorageException">It is not what this library writes.</exception>
    public static SnapshotRecord Parse(ReadOnlyMemory<byte> json, string path)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            if (root.GetProperty("version").GetInt32() != Version)
            {
                throw new StorageException($"'{path}' was written by a later version of this library.");
            }

            return new SnapshotRecord(
                root.GetProperty("name").GetString()!,
                root.GetProperty("kind").GetString() == "view" ? SnapshotKind.View : SnapshotKind.Writable,
                ReadTexts(root.GetProperty("parents")),
                root.TryGetProperty("stableId", out var stableId) ? stableId.GetString()! : "",
                root.TryGetProperty("parentStableIds", out var parentIds) ? ReadTexts(parentIds) : [],
                root.GetProperty("driver").GetString()!,
                root.GetProperty("attributes").GetString() == "user",
                root.TryGetProperty("idMap", out var map) ? map.GetString() : null);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new StorageException($"'{path}' is damaged: {e.Message}", e);
        }
    }

    private static void WriteTexts(Utf8JsonWriter writer, string property, IReadOnlyList<string> texts)
    {
        writer.WriteStartArray(property);
        foreach (var text in texts)
        {
            writer.WriteStringValue(text);
        }

        writer.WriteEndArray();
    }

    private static string[] ReadTexts(JsonElement array) => [.. array.EnumerateArray().Select(each => each.GetString()!)];
}
