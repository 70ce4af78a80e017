using System.Runtime.Versioning;
using ContainerKit.Benchmarks.SideBySide;

namespace ContainerKit.Benchmarks.CopyUp;

/// <summary>A file system of its own to copy in, which goes away again: tmpfs, or a loop mount of an image file.</summary>
/// <remarks>
/// <code>
/// DIRECTORY/
///   image   of a loop mount, sparse
///   root/   where it is mounted
/// </code>
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed class Place : IAsyncDisposable
{
    private const long ImageSize = 3L << 30;
    private readonly string _directory = Directory.CreateTempSubdirectory("containerkit-bench-").FullName;

    private Place(string kind) => Kind = kind;

    public string Kind { get; }

    public string Root => Path.Combine(_directory, "root");

    public static async Task<Place> MakeAsync(string kind)
    {
        var place = new Place(kind);
        Directory.CreateDirectory(place.Root);
        try
        {
            if (kind == "tmpfs")
            {
                await Contestant.ExecuteAsync("mount", "-t", "tmpfs", "-o", "size=3g", "tmpfs", place.Root);
                return place;
            }

            var image = Path.Combine(place._directory, "image");
            await using (var file = File.Create(image))
            {
                file.SetLength(ImageSize);
            }

            await Contestant.ExecuteAsync($"mkfs.{kind}", "-q", image);
            await Contestant.ExecuteAsync("mount", "-o", "loop", image, place.Root);
            return place;
        }
        catch
        {
            Directory.Delete(place._directory, recursive: true);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Contestant.ExecuteAsync("umount", Root);
        Directory.Delete(_directory, recursive: true);
    }
}
