namespace ContainerKit;

/// <summary>One name in a directory of a container or an image.</summary>
/// <param name="Name">The name, without its directory. Bytes that are not UTF-8 are lone surrogates U+DC80 to U+DCFF.</param>
/// <param name="Kind">What it stands for.</param>
public readonly record struct FileEntry(string Name, FileKind Kind);
