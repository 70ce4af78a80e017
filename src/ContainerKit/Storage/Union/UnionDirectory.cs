using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union;

/// <summary>One directory of a union: the directories that it is merged from, open, the topmost first.</summary>
[SupportedOSPlatform("linux")]
internal sealed class UnionDirectory(string path) : IDisposable
{
    /// <summary>The absolute path inside the union, free of symlinks.</summary>
    public string Path { get; } = path;

    /// <summary>Those branches which have the directory and are not cut off by one above.</summary>
    public List<BranchDirectory> Parts { get; } = [];

    /// <summary>The directory in the writable branch; null as long as it has not been copied up.</summary>
    public SafeFileHandle? Upper => Parts[0].Branch.IsWritable ? Parts[0].Handle : null;

    /// <summary>The attributes on disk of the topmost one are those of the directory.</summary>
    public SafeFileHandle Top => Parts[0].Handle;

    /// <summary>Where the parts begin that are not writable.</summary>
    public int FirstLower => Upper is null ? 0 : 1;

    /// <summary>Whether what is made in the writable one inherits an access control list; null as long as nobody has looked.</summary>
    public bool? HasDefaultAcl { get; set; }

    public string ChildPath(string name) => Path.Length == 1 ? "/" + name : $"{Path}/{name}";

    public void Dispose()
    {
        foreach (var part in Parts)
        {
            part.Handle.Dispose();
        }
    }
}
