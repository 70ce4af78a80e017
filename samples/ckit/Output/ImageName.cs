namespace Ckit.Output;

/// <summary>A name in the two columns that docker has for it; what is missing is <c>&lt;none&gt;</c>.</summary>
internal readonly record struct ImageName(string Repository, string Tag)
{
    private const string None = "<none>";

    public static ImageName Of(ImageReference reference) => reference.HasName
        ? new ImageName(RepositoryOf(reference), reference.Tag ?? None)
        : new ImageName(None, None);

    /// <summary>The name without tag and digest, as users type it.</summary>
    public static string RepositoryOf(ImageReference reference)
    {
        var text = reference.ToString();
        text = reference.Digest is { } digest && text.EndsWith($"@{digest}", StringComparison.Ordinal) ? text[..^(digest.ToString().Length + 1)] : text;
        return reference.Tag is { } tag && text.EndsWith($":{tag}", StringComparison.Ordinal) ? text[..^(tag.Length + 1)] : text;
    }
}
