using ContainerKit.Images;
using ContainerKit.Tests.Linux.Storage;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Peers;

/// <summary>What the portable program is given: layers that hold what Windows cannot, files of a host, and archives that Linux wrote.</summary>
internal static class PortableInput
{
    /// <summary>Names in one directory. Windows has no way to put them side by side, and for most of them none at all.</summary>
    public static readonly string[] Names =
    [
        "aux", "AUX", "Aux.txt", "con", "NUL", "COM1.log", "a:b", "a", "c:", "back\\slash", "..\\up", "dot.", "dot", "blank ", " ", "tab\t", "line\nfeed", "\u0001",
        "quote\"", "less<more>", "pipe|", "what?", "all*", "caf\u00e9", "cafe\u0301", "bytes\udcff\udc80", "\ud83d\udc0b", new string('n', 255),
    ];

    public static async Task WriteAsync(TemporaryDirectory directory)
    {
        directory.MakeDirectory("input");
        RootFs().Save(directory["input/rootfs.tar"]);
        Upper().Save(directory["input/upper.tar"]);
        new LayerArchive().Directory("/etc").File("/etc/release", "2\n").File("/lib", "newer").Save(directory["input/newer.tar"]);
        WriteSite(directory);

        var images = new ImageStore(new ImageCatalog(directory["linux-store"]));
        var image = await images.ImportAsync(directory["input/rootfs.tar"], "linux:1");
        await images.SaveAsync(image, directory["input/linux.oci"], ImageArchiveFormat.Oci);
        await images.SaveAsync(image, directory["input/linux.layout"], ImageArchiveFormat.OciDirectory);
        await images.SaveAsync(image, directory["input/linux.docker"], ImageArchiveFormat.Docker);
    }

    private static LayerArchive RootFs()
    {
        var noise = new byte[600_000];
        new Random(1).NextBytes(noise);
        var archive = new LayerArchive().Directory("/", mode: 0x1FF, user: 4, group: 5).Directory("/names", mode: 0x3FF, user: 4_000_000_000, group: 65534);
        foreach (var name in Names)
        {
            archive.File($"/names/{name}", name.Length.ToString(System.Globalization.CultureInfo.InvariantCulture), mode: 0x9ED, user: 1000, group: 100);
        }

        return archive
            .File("/noise", System.Text.Encoding.Latin1.GetString(noise), attributes: [("security.capability", "\u0001\u0000\u0000\u0002"), ("user.note", "n")])
            .File("/secret", "s", mode: 0, user: 1).File("/suid", "s", mode: 0xFFF)
            .FileOf("/before-1970", "old", 0x1A4, 0, new UnixTime(-86_401, 7)).FileOf("/later", "new", 0x1A4, 0, new UnixTime(7_000_000_000, 999_999_999))
            .Symlink("/absolute", "/names/aux").Symlink("/drive", "C:\\Windows").Symlink("/nowhere", "../../names/\udcfe").Link("/hard", "/names/a:b")
            .Device("/dev/null", 1, 3).Device("/dev/disk", 8, 17, kind: FileKind.BlockDevice).Fifo("/dev/pipe")
            .Directory("/replaced").File("/replaced/below", "1").File("/replaced/twin", "lower").Directory("/hidden").File("/hidden/aux", "1")
            .File($"/{string.Join('/', Enumerable.Repeat("a-long-way-down", 30))}/file", "deep");
    }

    private static LayerArchive Upper() => new LayerArchive()
        .Whiteout("/names/AUX").Whiteout("/names/dot.").File("/names/Twin:", "upper").File("/names/TWIN:", "UPPER")
        .Opaque("/hidden").File("/hidden/new ", "2")
        .File("/replaced/TWIN", "upper").Whiteout("/replaced/below")
        .Directory("/etc").File("/etc/motd", "upper\n", mode: 0x1B4, user: 7, group: 8);

    // Their modes are what Windows makes of all files, and their times are later than any that the program allows.
    private static void WriteSite(TemporaryDirectory directory)
    {
        foreach (var (name, content) in ((string, string)[])[("index.html", "<html>"), ("a b.txt", "1"), ("gr\u00fc\u00df.txt", "2"), ("B", "3"), ("sub/deeper/file", "4"), ("sub/empty", "")])
        {
            directory.Write($"input/site/{name}", content);
        }

        directory.MakeDirectory("input/site/nothing");
        Shell.Script("find \"$1\" -type d -exec chmod 755 {} + && find \"$1\" -type f -exec chmod 644 {} +", directory["input/site"]);
    }

    private static void Save(this LayerArchive archive, string path)
    {
        using var file = File.Create(path);
        archive.WriteTo(file);
    }
}
