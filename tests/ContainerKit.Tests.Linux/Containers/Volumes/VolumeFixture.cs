using System.Formats.Tar;
using System.Text;

namespace ContainerKit.Tests.Linux.Containers.Volumes;

/// <summary>A host whose image <c>site:1</c> has something at <c>/data</c>: a directory of somebody's, with two names of one file, a link and attributes.</summary>
internal abstract class VolumeFixture : ContainerFixture
{
    protected static readonly DateTimeOffset Long = new(2001, 2, 3, 4, 5, 6, TimeSpan.Zero);

    private const UnixFileMode File640 = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;
    private const UnixFileMode Directory751 = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    protected Image Site { get; private set; } = null!;

    [OneTimeSetUp]
    public async Task MakeSite()
    {
        var archive = Path.Combine(HostDirectory, "site.tar");
        await File.WriteAllBytesAsync(archive, Archive());
        Site = await Host.BuildFrom(Tools).AddTar(archive).BuildAsync("site:1");
    }

    protected ContainerBuilder OnSite(string script) => Host.Container(Site).WithCommand("sh", "-c", script);

    /// <summary>A name that no other test has.</summary>
    protected static string NewName() => $"volume-{Guid.NewGuid():N}";

    private static byte[] Archive()
    {
        using var bytes = new MemoryStream();
        using (var tar = new TarWriter(bytes, TarEntryFormat.Pax, leaveOpen: true))
        {
            tar.WriteEntry(Owned(new PaxTarEntry(TarEntryType.Directory, "data") { Mode = Directory751 }));
            tar.WriteEntry(Owned(new PaxTarEntry(TarEntryType.RegularFile, "data/file", new Dictionary<string, string> { ["SCHILY.xattr.user.note"] = "text" })
            {
                Mode = File640,
                DataStream = new MemoryStream(Encoding.UTF8.GetBytes("from the image\n")),
            }));
            tar.WriteEntry(Owned(new PaxTarEntry(TarEntryType.Directory, "data/sub") { Mode = Directory751 }));
            tar.WriteEntry(new PaxTarEntry(TarEntryType.HardLink, "data/sub/again") { LinkName = "data/file" });
            tar.WriteEntry(Owned(new PaxTarEntry(TarEntryType.SymbolicLink, "data/link") { LinkName = "../../etc/motd" }));
            tar.WriteEntry(Owned(new PaxTarEntry(TarEntryType.SymbolicLink, "astray") { LinkName = "../../../../data/sub" }));
        }

        return bytes.ToArray();
    }

    private static PaxTarEntry Owned(PaxTarEntry entry)
    {
        (entry.Uid, entry.Gid, entry.ModificationTime) = (33, 4, Long);
        return entry;
    }
}
