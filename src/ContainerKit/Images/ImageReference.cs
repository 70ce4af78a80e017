using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace ContainerKit;

/// <summary>
/// The name of an image, normalised as docker does: <c>debian:12</c> is <c>docker.io/library/debian:12</c>, and what says neither
/// tag nor digest means <c>latest</c>. An image without any name is called by its digest alone.
/// </summary>
/// <remarks>The grammar is that of the distribution project's <c>reference</c> package, which docker, podman and containerd share.</remarks>
public sealed partial record ImageReference
{
    private const string DefaultRegistry = "docker.io";
    private const string OfficialPrefix = "library/";
    private const string DefaultTag = "latest";
    private const int MaxNameLength = 255;
    private const int MaxTagLength = 128;
    private const int MaxLength = MaxNameLength + 1 + MaxTagLength + 1 + ContainerKit.Digest.MaxLength;

    private static readonly SearchValues<char> Hexadecimal = SearchValues.Create("0123456789abcdef");

    private ImageReference(string registry, string repository, string? tag, Digest? digest)
    {
        Registry = registry;
        Repository = repository;
        Tag = tag;
        Digest = digest;
    }

    /// <summary>The registry's host and port, such as <c>docker.io</c> or <c>localhost:5000</c>; empty when there is only a digest.</summary>
    public string Registry { get; }

    /// <summary>The path within the registry, such as <c>library/debian</c>; empty when there is only a digest.</summary>
    public string Repository { get; }

    /// <summary>The tag, or null.</summary>
    public string? Tag { get; }

    /// <summary>The manifest's digest, or null.</summary>
    public Digest? Digest { get; }

    /// <summary>Whether there is a name at all, and not only a digest.</summary>
    public bool HasName => Repository.Length > 0;

    /// <summary>The name in full, such as <c>docker.io/library/debian:12</c>.</summary>
    public string Canonical => HasName ? Spell($"{Registry}/{Repository}") : Digest.ToString()!;

    /// <summary>The reference of an image that has no name.</summary>
    public static ImageReference Nameless(Digest digest) => new("", "", null, digest);

    /// <summary>The same name and tag, whatever the digest.</summary>
    internal ImageReference WithoutDigest() => new(Registry, Repository, Tag, null);

    /// <summary>Whether a text can be a tag.</summary>
    internal static bool IsTag(string text) => TagPattern().IsMatch(text);

    /// <summary>Reads a name as a user types it.</summary>
    /// <exception cref="FormatException">It is not a name that docker knows.</exception>
    public static ImageReference Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TryParse(text, out var reference)
            ? reference
            : throw new FormatException($"'{(text.Length <= MaxLength ? text : text[..64] + "…")}' is not an image name; names look like debian:12 or registry.example:5000/team/app:1.0, in lower case.");
    }

    /// <summary>Reads a name as a user types it; false when it is not one.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out ImageReference? reference)
    {
        reference = null;
        if (text is null || text.Length > MaxLength)
        {
            return false;
        }

        if (ContainerKit.Digest.TryParse(text, out var only))
        {
            reference = Nameless(only);
            return true;
        }

        Digest? digest = null;
        if (text.IndexOf('@') is var at and >= 0)
        {
            if (!ContainerKit.Digest.TryParse(text.AsSpan(at + 1), null, out var named))
            {
                return false;
            }

            digest = named;
            text = text[..at];
        }

        string? tag = null;
        // A colon before the last slash belongs to the registry's port.
        if (text.LastIndexOf(':') is var colon and >= 0 && colon > text.LastIndexOf('/'))
        {
            tag = text[(colon + 1)..];
            text = text[..colon];
        }

        var (registry, repository) = Split(text);
        var isValid = registry.Length + 1 + repository.Length <= MaxNameLength
            && HostPattern().IsMatch(registry)
            && RepositoryPattern().IsMatch(repository)
            && (tag is null || TagPattern().IsMatch(tag))
            && !LooksLikeAnId(text);
        reference = isValid ? new ImageReference(registry, repository, tag ?? (digest is null ? DefaultTag : null), digest) : null;
        return isValid;
    }

    /// <summary>The name as users type it, such as <c>debian:12</c>.</summary>
    public override string ToString()
    {
        if (!HasName)
        {
            return Digest.ToString()!;
        }

        if (Registry != DefaultRegistry)
        {
            return Canonical;
        }

        var isOfficial = Repository.StartsWith(OfficialPrefix, StringComparison.Ordinal) && Repository.IndexOf('/', OfficialPrefix.Length) < 0;
        var familiar = isOfficial ? Repository[OfficialPrefix.Length..] : Repository;

        // Without its prefix "docker.io/localhost/app" would be an image of another registry, and 64 hexadecimal digits would be an ID.
        return Split(familiar) == (Registry, Repository) && !LooksLikeAnId(familiar) ? Spell(familiar) : Canonical;
    }

    // What comes before the first slash is a registry only if it looks like one: it has a dot or a port, is localhost, or has capitals.
    private static (string Registry, string Repository) Split(string name)
    {
        var slash = name.IndexOf('/');
        var first = slash < 0 ? "" : name[..slash];
        var isRegistry = first.AsSpan().ContainsAny('.', ':') || first == "localhost" || first.AsSpan().ContainsAnyInRange('A', 'Z');
        var (registry, rest) = isRegistry ? (first, name[(slash + 1)..]) : (DefaultRegistry, name);
        if (registry == "index.docker.io")
        {
            registry = DefaultRegistry;
        }

        return registry == DefaultRegistry && !rest.Contains('/') ? (registry, OfficialPrefix + rest) : (registry, rest);
    }

    // Docker refuses a name that could be an image's ID.
    private static bool LooksLikeAnId(string name) => name.Length == 64 && !name.AsSpan().ContainsAnyExcept(Hexadecimal);

    private string Spell(string name) => $"{name}{(Tag is null ? "" : ":" + Tag)}{(Digest is null ? "" : "@" + Digest)}";

    [GeneratedRegex(@"\A(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*(?::[0-9]+)?\z|\A\[[a-fA-F0-9:]+\](?::[0-9]+)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex HostPattern();

    [GeneratedRegex(@"\A[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*\z", RegexOptions.CultureInvariant)]
    private static partial Regex RepositoryPattern();

    [GeneratedRegex(@"\A[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}\z", RegexOptions.CultureInvariant)]
    private static partial Regex TagPattern();
}
