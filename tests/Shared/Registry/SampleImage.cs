using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;

namespace ContainerKit.Tests.Shared.Registry;

/// <summary>An image as bytes, made without the library: its documents and its layers.</summary>
/// <param name="Config">The config's document.</param>
/// <param name="Layers">The layers as they are stored.</param>
/// <param name="Manifest">The manifest's document.</param>
/// <param name="Platform">What it runs on.</param>
internal sealed record SampleImage(byte[] Config, IReadOnlyList<byte[]> Layers, byte[] Manifest, Platform Platform)
{
    public const string ManifestType = "application/vnd.oci.image.manifest.v1+json";
    public const string IndexType = "application/vnd.oci.image.index.v1+json";
    public const string ConfigType = "application/vnd.oci.image.config.v1+json";
    public const string LayerType = "application/vnd.oci.image.layer.v1.tar+gzip";

    public string MediaType { get; init; } = ManifestType;

    /// <summary>Whether its parts are named by sha512, and it itself.</summary>
    public bool IsSha512 { get; init; }

    public Digest Digest => NameOf(Manifest);

    public IEnumerable<byte[]> Blobs => [Config, .. Layers];

    /// <summary>An image of one layer for each size: a file of so many bytes that do not compress.</summary>
    public static SampleImage Of(params int[] sizes) => For(Platform.Host, sizes);

    /// <inheritdoc cref="Of"/>
    public static SampleImage For(Platform platform, params int[] sizes)
    {
        var tars = sizes.Select((size, i) => Tar($"file-{i}-{platform.Architecture}", Noise(size, seed: i + platform.Architecture.Length))).ToArray();
        return From(platform, [.. tars.Select(Pack)], [.. tars.Select(tar => Digest.Of(tar))]);
    }

    /// <summary>An image of one layer for each size, in which everything is named by sha512.</summary>
    public static SampleImage OfSha512(params int[] sizes)
    {
        var tars = sizes.Select((size, i) => Tar($"file-{i}", Noise(size, seed: i))).ToArray();
        return From(Platform.Host, [.. tars.Select(Pack)], [.. tars.Select(Sha512)], isSha512: true);
    }

    public static Digest Sha512(byte[] content) => Digest.FromHash(SHA512.HashData(content));

    /// <summary>What a part of it is called.</summary>
    public Digest NameOf(byte[] content) => IsSha512 ? Sha512(content) : Digest.Of(content);

    /// <summary>An image of layers that are given, true or not.</summary>
    public static SampleImage From(Platform platform, IReadOnlyList<byte[]> layers, IReadOnlyList<Digest> diffIds, bool isSha512 = false)
    {
        var config = Encoding.UTF8.GetBytes(
            $$$"""{"architecture":"{{{platform.Architecture}}}","os":"{{{platform.OperatingSystem}}}","config":{"Cmd":["sh"]},"rootfs":{"type":"layers","diff_ids":[{{{Join(diffIds.Select(id => $"\"{id}\""))}}}]}}""");
        var manifest = Encoding.UTF8.GetBytes(
            $$"""{"schemaVersion":2,"mediaType":"{{ManifestType}}","config":{{Describe(config, ConfigType, isSha512: isSha512)}},"layers":[{{Join(layers.Select(layer => Describe(layer, LayerType, isSha512: isSha512)))}}]}""");
        return new SampleImage(config, layers, manifest, platform) { IsSha512 = isSha512 };
    }

    /// <summary>The same image with another manifest, which it need not fit.</summary>
    public SampleImage WithManifest(Func<string, string> change) => this with { Manifest = Encoding.UTF8.GetBytes(change(Encoding.UTF8.GetString(Manifest))) };

    /// <summary>The document of an index that lists images.</summary>
    public static byte[] IndexOf(params SampleImage[] images) => Encoding.UTF8.GetBytes(
        $$"""{"schemaVersion":2,"mediaType":"{{IndexType}}","manifests":[{{Join(images.Select(image => Describe(image.Manifest, image.MediaType, PlatformOf(image), image.IsSha512)))}}]}""");

    /// <summary>What is written where content is pointed at.</summary>
    public static string Describe(byte[] content, string mediaType, string more = "", bool isSha512 = false) =>
        $$"""{"mediaType":"{{mediaType}}","digest":"{{(isSha512 ? Sha512(content) : Digest.Of(content))}}","size":{{content.Length}}{{more}}}""";

    /// <summary>A tar of one file. The same file gives the same bytes.</summary>
    public static byte[] Tar(string name, byte[] content)
    {
        using var tar = new MemoryStream();
        using (var writer = new TarWriter(tar, TarEntryFormat.Ustar, leaveOpen: true))
        {
            writer.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content), ModificationTime = DateTimeOffset.UnixEpoch });
        }

        return tar.ToArray();
    }

    public static byte[] Pack(byte[] tar)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(tar);
        }

        return packed.ToArray();
    }

    /// <summary>Bytes that do not compress. The same seed gives the same bytes.</summary>
    public static byte[] Noise(int size, int seed)
    {
        var noise = new byte[size];
        new Random(seed).NextBytes(noise);
        return noise;
    }

    private static string PlatformOf(SampleImage image) =>
        $$$""","platform":{"architecture":"{{{image.Platform.Architecture}}}","os":"{{{image.Platform.OperatingSystem}}}"}""";

    private static string Join(IEnumerable<string> items) => string.Join(',', items);
}
