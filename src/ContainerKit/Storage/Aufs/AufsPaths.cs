using System.Runtime.Versioning;
using System.Text;
using ContainerKit.Linux;
using ContainerKit.Storage.Union.CopyUp;

namespace ContainerKit.Storage.Aufs;

/// <summary>Where the parts of one layer lie: docker's three directories, and the layer's id in each.</summary>
internal readonly record struct AufsPaths(string Store, string Id)
{
    private const int AncestryMode = 0x1A4;

    public string Branches => Path.Combine(Store, "diff");

    public string Branch => Path.Combine(Branches, Id);

    public string MountPoint => Path.Combine(Store, "mnt", Id);

    public string Ancestry => Path.Combine(Ancestries, Id);

    private string Ancestries => Path.Combine(Store, "layers");

    public static AufsPaths Of(Snapshot snapshot) => new(Path.GetDirectoryName(snapshot.Directory)!, snapshot.StableId);

    /// <summary>Makes the directories that all layers share, and the layer's place to be mounted at.</summary>
    public void MakeDirectories()
    {
        Directory.CreateDirectory(Branches);
        Directory.CreateDirectory(Ancestries);
        Directory.CreateDirectory(MountPoint);
    }

    /// <summary>Writes what the layer stands on, after all else: whoever reads the directories as docker left them takes this for the layer.</summary>
    [SupportedOSPlatform("linux")]
    public void WriteAncestry(IEnumerable<string> ids)
    {
        var calls = FileCalls.Local;
        using var ancestries = RootedDirectory.Open(Ancestries);
        var aside = "." + Id;
        using (var file = calls.Open(ancestries.Handle, aside, OpenFlags.Write | OpenFlags.Create | OpenFlags.Exclusive, AncestryMode))
        {
            FileWriting.Write(file, Encoding.ASCII.GetBytes(string.Concat(ids.Select(id => id + "\n"))), 0);
        }

        calls.Rename(ancestries.Handle, aside, ancestries.Handle, Id);
    }

    /// <summary>Removes the layer, whatever there is of it.</summary>
    /// <param name="calls">Who may remove the branch's files.</param>
    [SupportedOSPlatform("linux")]
    public void Remove(FileCalls calls)
    {
        Remove(FileCalls.Local, Ancestries, Id);
        Remove(FileCalls.Local, Ancestries, "." + Id);
        Remove(calls, Branches, Id);
        Remove(FileCalls.Local, Path.Combine(Store, "mnt"), Id);
    }

    [SupportedOSPlatform("linux")]
    private static void Remove(FileCalls calls, string directory, string name)
    {
        // As long as there has been no layer there are no directories either.
        var errno = calls.TryOpen(null, directory, OpenFlags.Directory, 0, Resolve.Host, out var handle);
        using (handle)
        {
            if (errno != Errno.ENOENT)
            {
                LinuxException.ThrowIf(errno, $"open '{directory}'");
                TreeRemover.Remove(calls, handle, name);
            }
        }
    }
}
