using System.Text.Json.Nodes;

namespace ContainerKit;

/// <summary>Points at content by what it is: its type, its digest and its length. OCI image specification, descriptor.md.</summary>
/// <param name="MediaType">The content's type, such as <c>application/vnd.oci.image.layer.v1.tar+gzip</c>.</param>
/// <param name="Digest">The digest of the content.</param>
/// <param name="Size">Its length in bytes.</param>
public sealed record Descriptor(string MediaType, Digest Digest, long Size)
{
    /// <summary>The annotations by key; empty when there are none.</summary>
    public IReadOnlyDictionary<string, string> Annotations { get; init; } = NoAnnotations;

    /// <summary>Where else the content may be had, as whoever made the descriptor says: foreign layers have such places. Nothing is ever fetched from there unasked.</summary>
    public IReadOnlyList<string> Urls { get; init; } = [];

    /// <summary>What it was read from, never changed: fields that this type does not know are kept when it is written again.</summary>
    internal JsonObject? Source { get; init; }

    private static IReadOnlyDictionary<string, string> NoAnnotations { get; } = new Dictionary<string, string>().AsReadOnly();

    /// <summary>Whether both point at the same content under the same type with the same annotations.</summary>
    public bool Equals(Descriptor? other) =>
        other is not null
        && MediaType == other.MediaType
        && Digest == other.Digest
        && Size == other.Size
        && Annotations.Count == other.Annotations.Count
        && Annotations.All(pair => other.Annotations.TryGetValue(pair.Key, out var value) && value == pair.Value);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(MediaType, Digest, Size);
}
