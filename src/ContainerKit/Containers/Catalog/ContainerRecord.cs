using System.Text.Json;
using System.Text.Json.Serialization;
using ContainerKit.Images;

namespace ContainerKit.Containers.Catalog;

/// <summary>What is written down about a container, so that another process can find and start it: <c>containers/ID/container.json</c>.</summary>
internal sealed record ContainerRecord
{
    public required string Id { get; init; }

    public string? Name { get; init; }

    /// <summary>What people call it.</summary>
    [JsonIgnore]
    public string Label => Name ?? Id[..12];

    public required DateTimeOffset Created { get; init; }

    /// <summary>The image's name as it was asked for, and its digest, which is what counts.</summary>
    public required string ImageReference { get; init; }

    public required string ImageDigest { get; init; }

    /// <summary>The top of the image in the snapshot store.</summary>
    public required string? ParentSnapshot { get; init; }

    public required string Driver { get; init; }

    /// <summary>What the builder was told, but for streams.</summary>
    public required ContainerOptions Options { get; init; }

    /// <summary>What the image says about how to run it.</summary>
    public required ImageDefaults Image { get; init; }

    /// <summary>How its health is told; null where it is not.</summary>
    public HealthCheck? FindHealthCheck() => (Options.HealthCheck ?? Image.HealthCheck) is { Program.Count: > 0 } check ? check : null;

    public static ContainerRecord Read(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            return JsonSerializer.Deserialize(file, ContainerRecordJson.Default.ContainerRecord)
                ?? throw new StorageException($"The container record '{path}' is empty.");
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            throw new StorageException($"The container record '{path}' cannot be read: {e.Message}", e);
        }
    }

    public void Write(string path)
    {
        using var file = new FileStream(path, System.IO.FileMode.CreateNew, System.IO.FileAccess.Write, FileShare.Read, bufferSize: 0);
        file.Write(ContainerRecordWriter.Write(this).Span);
    }
}

/// <summary>The part of an image's configuration that says how to run it.</summary>
internal sealed record ImageDefaults
{
    public IReadOnlyList<string> Environment { get; init; } = [];

    public IReadOnlyList<string> Entrypoint { get; init; } = [];

    public IReadOnlyList<string> Command { get; init; } = [];

    public string WorkingDirectory { get; init; } = "";

    public string User { get; init; } = "";

    public string? StopSignal { get; init; }

    [JsonConverter(typeof(HealthCheckConverter))]
    public HealthCheck? HealthCheck { get; init; }

    public static ImageDefaults Of(ImageConfig config) => new()
    {
        Environment = config.Environment,
        Entrypoint = config.Entrypoint,
        Command = config.Command,
        WorkingDirectory = config.WorkingDirectory,
        User = config.User,
        StopSignal = config.StopSignal,
        HealthCheck = config.HealthCheck,
    };
}

[JsonSourceGenerationOptions(WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault, UseStringEnumConverter = true)]
[JsonSerializable(typeof(ContainerRecord))]
internal sealed partial class ContainerRecordJson : JsonSerializerContext;
