using System.Globalization;
using System.Text.Json.Nodes;
using ContainerKit.Images;

namespace ContainerKit;

/// <summary>How an image wants to be run, and what it is made of. OCI image specification, config.md.</summary>
/// <remarks>Fields that this type does not know (a shell) are kept when a changed config is written.</remarks>
public sealed record ImageConfig
{
    private static readonly string[] TimeFormats = ["yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd'T'HH:mm:ssK"];

    // What this config was read from; never changed, and the ground on which a changed one is written.
    private JsonObject? _source;

    /// <summary>What the image runs on.</summary>
    public Platform Platform { get; init; } = Platform.Host;

    /// <summary>When the image was made; null when it does not say.</summary>
    public DateTimeOffset? Created { get; init; }

    /// <summary>Who made it; null when it does not say.</summary>
    public string? Author { get; init; }

    /// <summary>The environment, each as <c>NAME=value</c>.</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>The arguments that are always given (ENTRYPOINT).</summary>
    public IReadOnlyList<string> Entrypoint { get; init; } = [];

    /// <summary>The arguments that a user may replace (CMD).</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>The directory to start in; empty means <c>/</c>.</summary>
    public string WorkingDirectory { get; init; } = "";

    /// <summary>The user (and group) to run as, such as <c>www-data</c>, <c>1000</c> or <c>1000:1000</c>; empty means root.</summary>
    public string User { get; init; } = "";

    /// <summary>The ports that the program listens on, such as <c>80/tcp</c>.</summary>
    public IReadOnlyList<string> ExposedPorts { get; init; } = [];

    /// <summary>The directories that the program keeps data in.</summary>
    public IReadOnlyList<string> Volumes { get; init; } = [];

    /// <summary>The labels by key.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>().AsReadOnly();

    /// <summary>The signal that asks the program to end, such as <c>SIGTERM</c> or <c>15</c>; null for SIGTERM.</summary>
    public string? StopSignal { get; init; }

    /// <summary>How its health is told; null where it does not say, or says nothing that could be done.</summary>
    public HealthCheck? HealthCheck { get; init; }

    /// <summary>The digests of the uncompressed layers, the lowest first.</summary>
    public IReadOnlyList<Digest> DiffIds { get; init; } = [];

    /// <summary>How the image came to be, the oldest step first.</summary>
    public IReadOnlyList<ImageHistory> History { get; init; } = [];

    /// <summary>Reads a config that has been verified.</summary>
    /// <exception cref="ImageException">It is not one.</exception>
    internal static ImageConfig Parse(ReadOnlySpan<byte> json, string what)
    {
        var document = JsonDocuments.Parse(json, what);
        var run = document.FindObject("config", what) ?? [];
        var rootfs = document.FindObject("rootfs", what) ?? throw new ImageException($"The {what} has no root file system ('rootfs').");
        var variant = document.FindString("variant", what);
        return new ImageConfig
        {
            _source = document,
            Platform = new Platform(document.FindString("os", what) ?? "", document.FindString("architecture", what) ?? "", variant is "" ? null : variant),
            Created = ParseTime(document.FindString("created", what)),
            Author = document.FindString("author", what) is { Length: > 0 } author ? author : null,
            Environment = run.Strings("Env", what),
            Entrypoint = run.Strings("Entrypoint", what),
            Command = run.Strings("Cmd", what),
            WorkingDirectory = run.FindString("WorkingDir", what) ?? "",
            User = run.FindString("User", what) ?? "",
            ExposedPorts = [.. (run.FindObject("ExposedPorts", what) ?? []).Select(port => port.Key)],
            Volumes = [.. (run.FindObject("Volumes", what) ?? []).Select(volume => volume.Key)],
            Labels = run.Map("Labels", what),
            StopSignal = run.FindString("StopSignal", what) is { Length: > 0 } signal ? signal : null,
            HealthCheck = HealthCheck.TryParse(run["Healthcheck"] as JsonObject),
            DiffIds = [.. rootfs.Strings("diff_ids", what).Select(id => JsonDocuments.ParseDigest(id, what))],
            History = [.. document.Objects("history", what).Select(step => ParseHistory(step, what))],
        };
    }

    /// <summary>The config as a document: what it was read from, with everything that this type knows written anew.</summary>
    internal byte[] ToJson()
    {
        var document = (JsonObject)(_source?.DeepClone() ?? new JsonObject());
        SetTime(document, Created);
        Set(document, "author", Author);
        document["architecture"] = Platform.Architecture;
        document["os"] = Platform.OperatingSystem;
        Set(document, "variant", Platform.Variant);
        document["config"] = WriteRun(document["config"] as JsonObject);
        var rootfs = (JsonObject)(document["rootfs"]?.DeepClone() ?? new JsonObject());
        rootfs["type"] = "layers";
        rootfs["diff_ids"] = JsonDocuments.ArrayOf(DiffIds.Select(id => id.ToString()));
        document["rootfs"] = rootfs;
        Set(document, "history", History.Count > 0 ? new JsonArray([.. History.Select(ToJson)]) : null);
        return JsonDocuments.Write(document);
    }

    private static ImageHistory ParseHistory(JsonObject step, string what) => new()
    {
        Created = ParseTime(step.FindString("created", what)),
        CreatedBy = step.FindString("created_by", what),
        Author = step.FindString("author", what),
        Comment = step.FindString("comment", what),
        IsEmptyLayer = step.FindBoolean("empty_layer", what),
        Source = step,
    };

    private static JsonObject ToJson(ImageHistory step)
    {
        var document = (JsonObject)(step.Source?.DeepClone() ?? new JsonObject());
        SetTime(document, step.Created);
        Set(document, "created_by", step.CreatedBy);
        Set(document, "author", step.Author);
        Set(document, "comment", step.Comment);
        Set(document, "empty_layer", step.IsEmptyLayer ? JsonValue.Create(true) : null);
        return document;
    }

    private JsonObject WriteRun(JsonObject? source)
    {
        var run = (JsonObject)(source?.DeepClone() ?? new JsonObject());
        Set(run, "User", User is "" ? null : User);
        Set(run, "ExposedPorts", SetOf(ExposedPorts));
        Set(run, "Env", ListOf(Environment));
        Set(run, "Entrypoint", ListOf(Entrypoint));
        Set(run, "Cmd", ListOf(Command));
        Set(run, "Volumes", SetOf(Volumes));
        Set(run, "WorkingDir", WorkingDirectory is "" ? null : WorkingDirectory);
        Set(run, "Labels", Labels.Count > 0 ? JsonDocuments.ObjectOf(Labels) : null);
        Set(run, "StopSignal", StopSignal);

        // One that nobody changed keeps the spelling that it had.
        if (HealthCheck?.ToJson().ToJsonString() != HealthCheck.TryParse(run["Healthcheck"] as JsonObject)?.ToJson().ToJsonString())
        {
            Set(run, "Healthcheck", HealthCheck?.ToJson());
        }

        return run;
    }

    private static JsonArray? ListOf(IReadOnlyList<string> items) => items.Count > 0 ? JsonDocuments.ArrayOf(items) : null;

    // A set is an object whose values are empty objects: Go's map[string]struct{}.
    private static JsonObject? SetOf(IReadOnlyList<string> items) =>
        items.Count > 0 ? new JsonObject(items.Distinct().Select(item => KeyValuePair.Create(item, (JsonNode?)new JsonObject()))) : null;

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

    // Go writes nine decimals and .NET knows seven: a time that nobody changed keeps the spelling that it had.
    private static void SetTime(JsonObject document, DateTimeOffset? time)
    {
        if (document["created"] is not JsonValue value || !value.TryGetValue(out string? text) || ParseTime(text) != time)
        {
            Set(document, "created", time is { } created ? FormatTime(created) : null);
        }
    }

    // RFC 3339 with up to nine decimals, as Go writes it; .NET reads seven.
    private static DateTimeOffset? ParseTime(string? text)
    {
        if (text is null)
        {
            return null;
        }

        var point = text.IndexOf('.');
        var digits = point < 0 ? 0 : text.AsSpan(point + 1).IndexOfAnyExceptInRange('0', '9');
        var cut = digits > 7 ? text.Remove(point + 8, digits - 7) : text;
        return DateTimeOffset.TryParseExact(cut, TimeFormats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;
    }

    private static string FormatTime(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture);
}
