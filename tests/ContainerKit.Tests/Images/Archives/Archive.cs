using System.Security.Cryptography;
using System.Text;
using ContainerKit.Images;
using ContainerKit.Tests.Layers;

namespace ContainerKit.Tests.Images.Archives;

/// <summary>Puts image archives together by hand, right or wrong, for tests.</summary>
internal sealed class Archive
{
    private readonly Dictionary<string, byte[]> _files = new(StringComparer.Ordinal);

    /// <summary>The files, by name.</summary>
    public IReadOnlyDictionary<string, byte[]> Files => _files;

    /// <summary>Whether blobs are named by sha512.</summary>
    public bool IsSha512 { get; init; }

    public Archive With(string name, byte[] content)
    {
        _files[name] = content;
        return this;
    }

    public Archive With(string name, string content) => With(name, Encoding.UTF8.GetBytes(content));

    /// <summary>Adds a blob under its digest, and says what to write where it is pointed at.</summary>
    public (string Json, Digest Digest) AddBlob(byte[] content, string mediaType, string more = "")
    {
        var digest = IsSha512 ? Digest.FromHash(SHA512.HashData(content)) : Digest.Of(content);
        With($"blobs/{digest.Algorithm}/{digest.Hex}", content);
        return ($$"""{"mediaType":"{{mediaType}}","digest":"{{digest}}","size":{{content.Length}}{{more}}}""", digest);
    }

    /// <summary>Adds an image of one layer, and says what to write where it is pointed at.</summary>
    public string AddImage(string content = "hello\n", string more = "", string architecture = "amd64")
    {
        var layer = Store.RootFs(content);
        var layerBlob = AddBlob(layer, MediaTypes.Layer);
        var config = AddBlob(Encoding.UTF8.GetBytes(Config(layerBlob.Digest, architecture)), MediaTypes.Config);
        return AddBlob(Encoding.UTF8.GetBytes($$"""{"schemaVersion":2,"config":{{config.Json}},"layers":[{{layerBlob.Json}}]}"""), MediaTypes.Manifest, more).Json;
    }

    public static string Config(Digest diffId, string architecture = "amd64") =>
        $$$"""{"architecture":"{{{architecture}}}","os":"linux","config":{"Cmd":["sh"]},"rootfs":{"type":"layers","diff_ids":["{{{diffId}}}"]},"kept":"yes"}""";

    /// <summary>Makes it an OCI image layout of these manifests.</summary>
    public Archive AsOci(params string[] manifests) =>
        With("oci-layout", """{"imageLayoutVersion":"1.0.0"}""").With("index.json", $$"""{"schemaVersion":2,"manifests":[{{string.Join(',', manifests)}}]}""");

    public static string Named(string name) => $$$""","annotations":{"org.opencontainers.image.ref.name":"{{{name}}}"}""";

    public static string For(string architecture, string os = "linux") => $$$""","platform":{"architecture":"{{{architecture}}}","os":"{{{os}}}"}""";

    /// <summary>A docker archive of one image, as docker 1.10 to 24 wrote it.</summary>
    public static Archive Docker(string? tags = "\"debian:12\"", byte[]? layer = null, Digest? diffId = null)
    {
        layer ??= Store.RootFs();
        var config = Encoding.UTF8.GetBytes(Config(diffId ?? Digest.Of(layer)));
        var name = $"{Digest.Of(config).Hex}.json";
        return new Archive()
            .With(name, config)
            .With("0123/layer.tar", layer)
            .With("0123/VERSION", "1.0")
            .With("manifest.json", $$"""[{"Config":"{{name}}","RepoTags":{{(tags is null ? "null" : $"[{tags}]")}},"Layers":["0123/layer.tar"]}]""");
    }

    public byte[] ToTar()
    {
        var tar = new RawTar();
        foreach (var (name, content) in _files)
        {
            // A header has room for a hundred.
            var bytes = Encoding.UTF8.GetBytes(name);
            (bytes.Length > 100 ? tar.GnuLong('L', name) : tar).Add(bytes[..Math.Min(bytes.Length, 100)], '0', content, []);
        }

        return tar.End().ToArray();
    }

    public string ToDirectory(string path)
    {
        foreach (var (name, content) in _files)
        {
            var file = Path.Combine(path, name);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllBytes(file, content);
        }

        return path;
    }
}
