using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union;

/// <summary>Where a path has led to: a name in a directory of the union, and what was found under it, if anything.</summary>
[SupportedOSPlatform("linux")]
internal readonly struct UnionNode
{
    /// <summary>The directory that the name is in; the root itself for the root.</summary>
    public required UnionDirectory Directory { get; init; }

    /// <summary>The name; empty for the root.</summary>
    public required string Name { get; init; }

    /// <summary>Which of the directory's parts has it; -1 when none has.</summary>
    public int Part { get; init; }

    /// <summary>Its attributes as they are on disk.</summary>
    public FileStat Disk { get; init; }

    /// <summary>Whether the writable branch says that the name is gone.</summary>
    public bool IsWhitedOutAbove { get; init; }

    public bool Exists => Part >= 0;

    public bool IsRoot => Name.Length == 0;

    public string Path => IsRoot ? "/" : Directory.ChildPath(Name);

    /// <summary>The open directory, in a branch, that it was found in.</summary>
    public SafeFileHandle Handle => Directory.Parts[Part].Handle;

    /// <summary>Whether the writable branch has it.</summary>
    public bool IsUpper => Exists && Directory.Parts[Part].Branch.IsWritable;
}
