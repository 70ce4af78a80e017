using System.Diagnostics.CodeAnalysis;

namespace ContainerKit;

/// <summary>The name of an image, normalised as docker does: <c>debian:12</c> is <c>docker.io/library/debian:12</c>.</summary>
public sealed record ImageReference
{
    /// <summary>The registry's host and port, such as <c>docker.io</c> or <c>localhost:5000</c>; empty when the image has no name.</summary>
    public required string Registry { get; init; }

    /// <summary>The path within the registry, such as <c>library/debian</c>; empty when the image has no name.</summary>
    public required string Repository { get; init; }

    /// <summary>The tag, or null.</summary>
    public string? Tag { get; init; }

    /// <summary>The manifest's digest, or null.</summary>
    public Digest? Digest { get; init; }

    /// <summary>Whether there is a name at all, and not only a digest.</summary>
    public bool HasName => Repository.Length > 0;

    /// <summary>Reads a name as a user types it.</summary>
    /// <exception cref="FormatException">It is not a name that docker knows.</exception>
    public static ImageReference Parse(string text) => throw new NotImplementedException();

    /// <summary>Reads a name as a user types it; false when it is not one.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out ImageReference? reference) => throw new NotImplementedException();

    /// <summary>The name in full, such as <c>docker.io/library/debian:12</c>.</summary>
    public string Canonical => throw new NotImplementedException();

    /// <summary>The name as users type it, such as <c>debian:12</c>.</summary>
    public override string ToString() => throw new NotImplementedException();
}
