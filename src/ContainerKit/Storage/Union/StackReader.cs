using System.Buffers;
using System.Runtime.Versioning;
using ContainerKit.Linux;

namespace ContainerKit.Storage.Union;

/// <summary>Reads through a stack of directories: which of them has a name, what is merged under it, and which names all of them show.</summary>
[SupportedOSPlatform("linux")]
internal sealed class StackReader(FileCalls calls, IWhiteoutDialect dialect, TreeOwnership ownership)
{
    /// <summary>Looks for a name from the given part of a directory down.</summary>
    /// <returns>0, whether or not it is there, or an <see cref="Errno"/>.</returns>
    public int Find(List<BranchDirectory> parts, FileName name, int firstPart, out Finding finding)
    {
        for (var i = firstPart; i < parts.Count; i++)
        {
            var part = parts[i];
            var errno = dialect.TryFind(calls, part, name, out var stat, out var sight);
            if (errno != 0 || sight == Sight.Whiteout)
            {
                finding = new Finding(-1, default, errno == 0 && i == 0 && part.Branch.IsWritable) { Whiteout = errno == 0 ? part.Branch : null };
                return errno;
            }

            if (sight == Sight.Present)
            {
                finding = new Finding(i, stat, false);
                return 0;
            }
        }

        finding = new Finding(-1, default, false);
        return 0;
    }

    /// <summary>Opens the directory that was found under a name, with everything below that is merged into it.</summary>
    /// <param name="parts">The directory that the name is in.</param>
    /// <param name="name">The name.</param>
    /// <param name="found">What <see cref="Find"/> said.</param>
    /// <param name="opened">Gets the directories; what it got is the caller's to close, whatever the answer.</param>
    /// <returns>0 or an <see cref="Errno"/>.</returns>
    public int Open(List<BranchDirectory> parts, FileName name, in Finding found, List<BranchDirectory> opened)
    {
        var disk = found.Disk;
        for (var i = found.Part; i < parts.Count; i++)
        {
            var part = parts[i];
            if (i > found.Part)
            {
                var errno = dialect.TryFind(calls, part, name, out disk, out var sight);
                if (errno != 0)
                {
                    return errno;
                }

                if (sight == Sight.Absent || (sight == Sight.Present && !disk.IsDirectory && dialect.MergesAcrossFiles))
                {
                    continue;
                }

                // Something else of that name hides all that lies below it.
                if (sight == Sight.Whiteout || !disk.IsDirectory)
                {
                    return 0;
                }
            }

            var outcome = OpenPart(part, name, disk, out var directory);
            if (outcome != 0)
            {
                return outcome;
            }

            opened.Add(directory);
            if ((directory.Marks & DirectoryMarks.Opaque) != 0)
            {
                return 0;
            }
        }

        return 0;
    }

    /// <summary>Opens a directory of one branch, and reads what it says of itself.</summary>
    /// <returns>0 or an <see cref="Errno"/>.</returns>
    public int OpenPart(in BranchDirectory parent, FileName name, in FileStat disk, out BranchDirectory directory)
    {
        directory = default;
        ownership.Unlock(calls, parent.Handle, name, disk);
        var errno = calls.TryOpen(
            parent.Handle, name, OpenFlags.PathOnly | OpenFlags.Directory | OpenFlags.NoFollow, 0, Resolve.NoSymlinks, out var handle);
        if (errno != 0)
        {
            return errno;
        }

        try
        {
            directory = new BranchDirectory(parent.Branch, handle, dialect.ReadMarks(calls, parent.Branch, handle));
            return 0;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>The names of all, the topmost directory's first, each once, and none that is gone.</summary>
    public List<StackedName> ReadNames(List<BranchDirectory> parts)
    {
        var names = new List<StackedName>();
        var seen = new HashSet<byte[]>(NameComparer.Instance);
        var gone = new List<byte[]>();
        var buffer = ArrayPool<byte>.Shared.Rent(32 * 1024);
        for (var i = 0; i < parts.Count; i++)
        {
            var part = parts[i];
            using var readable = calls.Open(part.Handle, default, OpenFlags.Directory);
            var entries = new DirectoryEntries(readable, buffer);
            var first = names.Count;
            gone.Clear();
            while (entries.MoveNext())
            {
                var sight = dialect.Classify(calls, part, entries.Name, entries.Kind, out var name);
                if (sight == Sight.Whiteout)
                {
                    gone.Add(name.ToArray());
                    if (dialect.IsShownWhiteout(entries.Name) && !seen.GetAlternateLookup<ReadOnlySpan<byte>>().Contains(entries.Name))
                    {
                        names.Add(new StackedName(entries.Name.ToArray(), entries.Kind, i));
                    }
                }
                else if (sight == Sight.Present && !seen.GetAlternateLookup<ReadOnlySpan<byte>>().Contains(name))
                {
                    names.Add(new StackedName(name.ToArray(), entries.Kind, i));
                }
            }

            // A branch that says both is taken at its word that the name is gone.
            if (gone.Count > 0)
            {
                seen.UnionWith(gone);
                names.RemoveAll(name => name.Part == i && seen.Contains(name.Name));
            }

            for (var j = first; j < names.Count; j++)
            {
                seen.Add(names[j].Name);
            }
        }

        // Not after an exception: a buffer less in the pool is no loss.
        ArrayPool<byte>.Shared.Return(buffer);
        return names;
    }
}

/// <summary>Where a name was found.</summary>
/// <param name="Part">Which of the directories has it; -1 when none has.</param>
/// <param name="Disk">Its attributes as they are on disk.</param>
/// <param name="IsWhitedOutAbove">Whether the writable branch says that it is gone.</param>
internal readonly record struct Finding(int Part, FileStat Disk, bool IsWhitedOutAbove)
{
    /// <summary>Which branch says that it is gone.</summary>
    public UnionBranch? Whiteout { get; init; }

    public bool Exists => Part >= 0;
}

/// <summary>A name that a stack of directories shows.</summary>
/// <param name="Name">The name.</param>
/// <param name="Kind">What it stands for, where the file system told.</param>
/// <param name="Part">Which of the directories has it.</param>
internal readonly record struct StackedName(byte[] Name, FileKind? Kind, int Part);
