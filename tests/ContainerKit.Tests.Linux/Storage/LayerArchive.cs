using ContainerKit.Layers;
using ContainerKit.Storage;
using ContainerKit.Storage.Union;

namespace ContainerKit.Tests.Linux.Storage;

/// <summary>A layer archive, written down entry by entry.</summary>
internal sealed class LayerArchive
{
    public static readonly UnixTime Time = new(1_234_567_890, 123_456_789);

    private readonly List<(LayerEntry Entry, byte[] Content)> _entries = [];

    public LayerArchive Directory(string path, int mode = 0x1ED, uint user = 0, uint group = 0, UnixTime? time = null) =>
        Add(path, Of(FileKind.Directory, mode, user, group) with { ModifiedTime = time ?? Time });

    public LayerArchive File(string path, string content = "", int mode = 0x1A4, uint user = 0, uint group = 0, params (string Name, string Value)[] attributes) => Add(
        path,
        Of(FileKind.File, mode, user, group) with
        {
            Size = content.Length,
            ExtendedAttributes = attributes.ToDictionary(each => each.Name, each => new ReadOnlyMemory<byte>(System.Text.Encoding.Latin1.GetBytes(each.Value))),
        },
        System.Text.Encoding.Latin1.GetBytes(content));

    public LayerArchive DirectoryWith(string path, string attribute, string value) => Add(path, Of(FileKind.Directory, 0x1ED, 0, 0) with
    {
        ExtendedAttributes = new Dictionary<string, ReadOnlyMemory<byte>> { [attribute] = System.Text.Encoding.Latin1.GetBytes(value) },
    });

    public LayerArchive FileOf(string path, string content, int mode, uint user, UnixTime time) =>
        Add(path, Of(FileKind.File, mode, user, user) with { Size = content.Length, ModifiedTime = time }, System.Text.Encoding.Latin1.GetBytes(content));

    public LayerArchive Symlink(string path, string target) => Add(path, Of(FileKind.Symlink, 0x1FF, 0, 0) with { LinkTarget = target });

    public LayerArchive Device(
        string path, uint major, uint minor, uint user = 0, uint group = 0, int mode = 0x1B6, FileKind kind = FileKind.CharacterDevice) =>
        Add(path, Of(kind, mode, user, group) with { DeviceMajor = major, DeviceMinor = minor });

    public LayerArchive Fifo(string path) => Add(path, Of(FileKind.Fifo, 0x180, 0, 0));

    public LayerArchive Link(string path, string target) => Add(new LayerEntry
    {
        Kind = LayerEntryKind.HardLink,
        Path = path,
        HardLinkTarget = target,
        Metadata = Of(FileKind.File, 0x1A4, 0, 0),
    });

    public LayerArchive Whiteout(string path) => Add(new LayerEntry { Kind = LayerEntryKind.Whiteout, Path = path, Metadata = Of(FileKind.File, 0, 0, 0) });

    public LayerArchive Opaque(string path) => Add(new LayerEntry { Kind = LayerEntryKind.Opaque, Path = path, Metadata = Of(FileKind.File, 0, 0, 0) });

    public AppliedLayer ApplyTo(UnionTree tree)
    {
        using var archive = new MemoryStream();
        WriteTo(archive);
        archive.Position = 0;
        using var reader = new LayerReader(archive);
        return LayerApplier.Apply(reader, tree);
    }

    public void WriteTo(Stream archive)
    {
        using var writer = new LayerWriter(archive, leaveOpen: true);
        foreach (var (entry, content) in _entries)
        {
            writer.Write(entry, entry is { Kind: LayerEntryKind.Object, Metadata.Kind: FileKind.File } ? new MemoryStream(content) : null);
        }

        writer.Finish();
    }

    public override string ToString() => string.Join("; ", _entries.Select(each =>
        $"{(each.Entry.Kind == LayerEntryKind.Object ? each.Entry.Metadata.Kind : each.Entry.Kind)} {each.Entry.Path}{(each.Entry.HardLinkTarget is { } target ? $" = {target}" : "")}"));

    private static FileMetadata Of(FileKind kind, int mode, uint user, uint group) =>
        new() { Kind = kind, Mode = mode, UserId = user, GroupId = group, ModifiedTime = Time };

    private LayerArchive Add(string path, FileMetadata metadata, byte[]? content = null) =>
        Add(new LayerEntry { Path = path, Metadata = metadata }, content);

    private LayerArchive Add(LayerEntry entry, byte[]? content = null)
    {
        _entries.Add((entry, content ?? []));
        return this;
    }
}
