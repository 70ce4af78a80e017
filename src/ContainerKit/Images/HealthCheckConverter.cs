using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace ContainerKit.Images;

/// <summary>Writes a health check as an image's config has it, and reads it so.</summary>
internal sealed class HealthCheckConverter : JsonConverter<HealthCheck>
{
    public override HealthCheck? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        HealthCheck.TryParse(JsonNode.Parse(ref reader) as JsonObject);

    public override void Write(Utf8JsonWriter writer, HealthCheck value, JsonSerializerOptions options) => value.ToJson().WriteTo(writer);
}
