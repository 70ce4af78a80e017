using System.Runtime.InteropServices;

namespace ContainerKit.Storage.Fuse;

/// <summary>Fills the answer to a listing: names alone (READDIR), or names with nodes and attributes (READDIRPLUS), as the kernel asked.</summary>
internal ref struct FuseDirectoryWriter
{
    // struct fuse_dirent: u64 ino, u64 off, u32 namelen, u32 type, name, padded to 8; READDIRPLUS has a struct fuse_entry_out before it.
    private const int HeadSize = 24, EntrySize = 128;

    private readonly Span<byte> _buffer;

    public FuseDirectoryWriter(Span<byte> buffer, bool wantsAttributes)
    {
        _buffer = buffer;
        WantsAttributes = wantsAttributes;
    }

    /// <summary>Whether entries should come with nodes and attributes.</summary>
    public bool WantsAttributes { get; }

    /// <summary>Bytes written so far.</summary>
    public int Length { get; private set; }

    /// <summary>Whether an entry of this name would still fit: worth asking before a lookup that would have to be undone.</summary>
    public readonly bool Fits(int nameLength) => Length + SizeOf(nameLength) <= _buffer.Length;

    /// <summary>Adds a name with its node, which is one lookup of that node if this returns true. A later call goes on at the given offset, which is not 0.</summary>
    public bool TryAdd(ReadOnlySpan<byte> name, in FuseEntry entry, ulong nextOffset)
    {
        if (!Fits(name.Length))
        {
            return false;
        }

        if (WantsAttributes)
        {
            MemoryMarshal.Write(_buffer[Length..], in entry);
        }

        Write(name, entry.Attributes.Inode, entry.Attributes.Mode, nextOffset);
        return true;
    }

    /// <summary>Adds a name without a node, which is no lookup: `.`, `..`, or any that the kernel may look up itself. Of the mode only the type counts.</summary>
    public bool TryAdd(ReadOnlySpan<byte> name, ulong inode, uint mode, ulong nextOffset)
    {
        if (!Fits(name.Length))
        {
            return false;
        }

        if (WantsAttributes)
        {
            _buffer.Slice(Length, EntrySize).Clear();
        }

        Write(name, inode, mode, nextOffset);
        return true;
    }

    private void Write(ReadOnlySpan<byte> name, ulong inode, uint mode, ulong nextOffset)
    {
        var size = SizeOf(name.Length);
        var record = _buffer.Slice(Length, size);
        var entry = WantsAttributes ? record[EntrySize..] : record;
        MemoryMarshal.Write(entry, in inode);
        MemoryMarshal.Write(entry[8..], in nextOffset);
        MemoryMarshal.Write(entry[16..], (uint)name.Length);
        MemoryMarshal.Write(entry[20..], (mode & 0xF000) >> 12);
        name.CopyTo(entry[HeadSize..]);
        entry[(HeadSize + name.Length)..].Clear();
        Length += size;
    }

    private readonly int SizeOf(int nameLength) => (WantsAttributes ? EntrySize : 0) + ((HeadSize + nameLength + 7) & ~7);
}
