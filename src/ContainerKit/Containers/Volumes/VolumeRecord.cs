using System.Text.Json;
using System.Text.Json.Serialization;
using ContainerKit.Containers.Layering;

namespace ContainerKit.Containers.Volumes;

/// <summary>What is written down about a volume: <c>volumes/NAME/volume.json</c>.</summary>
internal sealed record VolumeRecord
{
    public required DateTimeOffset Created { get; init; }

    /// <summary>How the owners of its files lie on disk: those who have them another way would read them wrong. <see cref="Unpacker.VariantOf"/></summary>
    public string Variant { get; init; } = "";

    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    /// <exception cref="StorageException">It cannot be read.</exception>
    public static VolumeRecord Read(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            return JsonSerializer.Deserialize(file, VolumeRecordJson.Default.VolumeRecord)
                ?? throw new StorageException($"The volume record '{path}' is empty.");
        }
        catch (JsonException e)
        {
            throw new StorageException($"The volume record '{path}' cannot be read: {e.Message}", e);
        }
    }

    public void Write(string path)
    {
        using var file = new FileStream(path, System.IO.FileMode.CreateNew, System.IO.FileAccess.Write, FileShare.Read, bufferSize: 0);
        JsonSerializer.Serialize(file, this, VolumeRecordJson.Default.VolumeRecord);
    }
}

[JsonSourceGenerationOptions(WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(VolumeRecord))]
internal sealed partial class VolumeRecordJson : JsonSerializerContext;
