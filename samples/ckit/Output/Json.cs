using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Ckit.Output;

/// <summary>The parts that JSON output is put together from.</summary>
internal static class Json
{
    public static Option<bool> Option() => new("--json") { Description = "Prints JSON in place of a table." };

    public static JsonArray Array(IEnumerable<JsonNode?> items) => new([.. items]);

    public static JsonArray Strings(IEnumerable<string> items) => new([.. items.Select(item => (JsonNode?)Text.ForJson(item))]);

    public static JsonObject Map(IEnumerable<KeyValuePair<string, string>> items) =>
        new(items.Select(item => new KeyValuePair<string, JsonNode?>(item.Key, item.Value)));

    /// <summary>A set, as docker writes one: an object whose values are empty objects.</summary>
    public static JsonObject Set(IEnumerable<string> items) =>
        new(items.Distinct().Select(item => new KeyValuePair<string, JsonNode?>(item, new JsonObject())));

    public static string? Time(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture);
}
