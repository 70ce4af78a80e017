using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union.Core;

/// <summary>One object of a union, whatever its names and in whichever branch its data lies now.</summary>
/// <remarks>
/// Where it lies changes under the tree's lock only; what is open, under the inode's own monitor, which is taken first where both are needed.
/// </remarks>
[SupportedOSPlatform("linux")]
internal class Inode(ulong number, FileKind kind, UnionBranch branch)
{
    private long _lookups;
    private SafeFileHandle? _data;

    /// <summary>What <c>st_ino</c> says, for as long as the union lives.</summary>
    public ulong Number { get; } = number;

    public FileKind Kind { get; } = kind;

    /// <summary>The index and generation under which <see cref="InodeTable"/> has it.</summary>
    public ulong Id { get; set; }

    /// <inheritdoc cref="Id"/>
    public ulong Generation { get; set; }

    /// <summary>The topmost branch that has it.</summary>
    public UnionBranch Branch { get; set; } = branch;

    /// <summary>One of its names, with the directory that the name is in; null when it has none.</summary>
    public InodeName? Name { get; set; }

    /// <summary>Its other names, as far as they were met.</summary>
    public List<InodeName>? OtherNames { get; set; }

    /// <summary>The object itself, where no name leads to it any more (or not yet).</summary>
    public SafeFileHandle? Held { get; set; }

    /// <summary>The name that the writable branch keeps for it, out of sight, because not all of its names lead there.</summary>
    public HiddenLink? Link { get; set; }

    /// <summary>The number of its names, where the disk does not know it.</summary>
    public uint? Links { get; set; }

    /// <summary>How often its data is open.</summary>
    public int Opens { get; set; }

    /// <summary>Its data, for reading, and when <see cref="IsDataWritable"/> for writing.</summary>
    public SafeFileHandle? Data
    {
        get => Volatile.Read(ref _data);
        set => Volatile.Write(ref _data, value);
    }

    public bool IsDataWritable { get; set; }

    /// <summary>Whether it is known to have no <c>security.capability</c> that a write would have to take away.</summary>
    public bool IsWithoutCapability { get; set; }

    /// <summary>Belongs to who serves the union.</summary>
    public object? Tag { get; set; }

    /// <summary>How many answers named it that were not given back.</summary>
    public long Lookups => Interlocked.Read(ref _lookups);

    /// <summary>Whether it must be remembered although nobody uses it, because the disk does not tell all about it.</summary>
    public bool IsPinned => Link is not null || Links is > 0;

    public bool IsUsed => Lookups > 0 || Opens > 0;

    public long AddLookups(long count) => Interlocked.Add(ref _lookups, count);

    public bool HasName(DirectoryInode directory, ReadOnlySpan<byte> name)
    {
        if (Name is { } first && first.Is(directory, name))
        {
            return true;
        }

        foreach (var other in OtherNames ?? [])
        {
            if (other.Is(directory, name))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Notes a name, as the one to find it by.</summary>
    public void AddName(InodeName name)
    {
        if (Name is { } present)
        {
            (OtherNames ??= []).Add(present);
        }

        Name = name;
    }

    public void RemoveName(DirectoryInode directory, ReadOnlySpan<byte> name)
    {
        if (Name is { } first && first.Is(directory, name))
        {
            Name = OtherNames is { Count: > 0 } others ? others[^1] : null;
            if (Name is not null)
            {
                OtherNames!.RemoveAt(OtherNames.Count - 1);
            }

            return;
        }

        for (var i = 0; i < OtherNames?.Count; i++)
        {
            if (OtherNames[i].Is(directory, name))
            {
                OtherNames.RemoveAt(i);
                return;
            }
        }
    }

    /// <summary>Closes everything.</summary>
    public virtual void Close()
    {
        Data?.Dispose();
        Held?.Dispose();
        (Data, Held) = (null, null);
    }
}

/// <summary>A name of an inode.</summary>
[SupportedOSPlatform("linux")]
internal sealed record InodeName(DirectoryInode Directory, byte[] Name)
{
    /// <summary>Whether the writable branch is known to have it.</summary>
    public bool IsShown { get; set; }

    public bool Is(DirectoryInode directory, ReadOnlySpan<byte> name) => ReferenceEquals(Directory, directory) && name.SequenceEqual(Name);
}

/// <summary>A name in a directory that only the union itself uses.</summary>
[SupportedOSPlatform("linux")]
internal sealed record HiddenLink(SafeFileHandle Directory, byte[] Name);
