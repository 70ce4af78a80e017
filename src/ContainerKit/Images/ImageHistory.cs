using System.Text.Json.Nodes;

namespace ContainerKit;

/// <summary>One step of an image's making. OCI image specification, config.md, "history".</summary>
public sealed record ImageHistory
{
    /// <summary>When; null when it does not say.</summary>
    public DateTimeOffset? Created { get; init; }

    /// <summary>By which command.</summary>
    public string? CreatedBy { get; init; }

    /// <summary>By whom.</summary>
    public string? Author { get; init; }

    /// <summary>What was said about it.</summary>
    public string? Comment { get; init; }

    /// <summary>Whether the step made no layer.</summary>
    public bool IsEmptyLayer { get; init; }

    /// <summary>What it was read from, never changed: fields that this type does not know are kept when it is written again.</summary>
    internal JsonObject? Source { get; init; }

    /// <summary>Whether both say the same.</summary>
    public bool Equals(ImageHistory? other) =>
        other is not null && (Created, CreatedBy, Author, Comment, IsEmptyLayer) == (other.Created, other.CreatedBy, other.Author, other.Comment, other.IsEmptyLayer);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Created, CreatedBy, Author, Comment, IsEmptyLayer);
}
