using System.Text.Json;
using System.Text.Json.Serialization;

namespace ContainerKit.Containers.Health;

/// <summary>What a named container's health was when it was last checked: <c>containers/ID/health</c>, written by whoever checks, for those who look.</summary>
internal static class HealthFile
{
    private const string Name = "health";
    private const int LargestFile = 64 << 10;

    /// <summary>What is written down; null when nothing is, or nothing that makes sense.</summary>
    public static ContainerHealth? TryRead(string directory)
    {
        try
        {
            using var file = File.OpenRead(Path.Combine(directory, Name));
            return file.Length > LargestFile ? null : JsonSerializer.Deserialize(file, HealthJson.Default.ContainerHealth);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or JsonException)
        {
            return null;
        }
    }

    /// <summary>Writes it down. Where there is no room for it nothing is known, rather than what was so before.</summary>
    /// <returns>Why it could not be; null where it was.</returns>
    public static string? TryWrite(string directory, ContainerHealth health)
    {
        var aside = Path.Combine(directory, $".{Name}.{Guid.NewGuid():n}");
        try
        {
            File.WriteAllBytes(aside, JsonSerializer.SerializeToUtf8Bytes(health, HealthJson.Default.ContainerHealth));
            File.Move(aside, Path.Combine(directory, Name), overwrite: true);
            return null;
        }
        catch (DirectoryNotFoundException)
        {
            // The container has been removed meanwhile.
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            File.Delete(aside);
            Erase(directory);
            return e.Message;
        }
    }

    public static void Erase(string directory) => File.Delete(Path.Combine(directory, Name));
}

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault, UseStringEnumConverter = true)]
[JsonSerializable(typeof(ContainerHealth))]
internal sealed partial class HealthJson : JsonSerializerContext;
