using System.Text;
using ContainerKit.Layers;

namespace ContainerKit.Tests.Layers;

/// <summary>Reads whole archives, for tests.</summary>
internal static class Reading
{
    public static List<LayerEntry> Entries(byte[] tar, LayerLimits? limits = null) => [.. Items(tar, limits).Select(item => item.Entry)];

    public static LayerEntry Only(byte[] tar) => Entries(tar).Single();

    public static List<(LayerEntry Entry, byte[] Content)> Items(byte[] tar, LayerLimits? limits = null)
    {
        using var reader = new LayerReader(new MemoryStream(tar), limits);
        var items = new List<(LayerEntry, byte[])>();
        while (reader.MoveNext())
        {
            using var content = new MemoryStream();
            reader.Content.CopyTo(content);
            items.Add((reader.Current, content.ToArray()));
        }

        return items;
    }

    public static string Text((LayerEntry Entry, byte[] Content) item) => Encoding.UTF8.GetString(item.Content);

    public static byte[] Write(params (LayerEntry Entry, string Content)[] entries)
    {
        using var output = new MemoryStream();
        using (var writer = new LayerWriter(output, leaveOpen: true))
        {
            foreach (var (entry, content) in entries)
            {
                using var stream = new MemoryStream(Encoding.UTF8.GetBytes(content));
                writer.Write(entry, stream);
            }

            writer.Finish();
        }

        return output.ToArray();
    }

    public static byte[] Write(LayerEntry entry) => Write((entry, ""));

    public static LayerEntry File(string path, int size = 0) => Of(path, FileKind.File) with { Metadata = Metadata(FileKind.File) with { Size = size } };

    public static LayerEntry Of(string path, FileKind kind) => new() { Path = path, Metadata = Metadata(kind) };

    public static FileMetadata Metadata(FileKind kind) => new()
    {
        Kind = kind,
        Mode = 0x1ED,
        UserId = 0,
        GroupId = 0,
        LinkTarget = kind == FileKind.Symlink ? "target" : null,
    };
}
