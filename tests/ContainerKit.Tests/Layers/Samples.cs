using ContainerKit.Layers;

namespace ContainerKit.Tests.Layers;

/// <summary>A small archive in every compression, including those that are only read.</summary>
internal static class Samples
{
    // The tar of one file 'motd' with the content "hello\n", by xz and by bzip2.
    private const string Xz =
        "/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4Af/AEFdADabyu7N0zqX0KO5VVFgLB3yXjD8FwcFhurnEvBBc7osa+0Ct3QHA1wi9KXHqUAJh4ZdROymZhnmR3NsyCoJv84AAAAAAJT3VINrlEgBAAFdgBAAAAD5KLqSscRn+wIAAAAABFla";
    private const string Bzip2 =
        "QlpoOTFBWSZTWRDpYs8AAC3bgMmQQABVgAAEZkaeAAgIIABURAAAaDTQSRTTEMQGgWkR+RAQUvSZXTKSBgu9cBOwjV0PGbWaELqAg2fOikiMxOiEfF3JFOFCQEOlizw=";

    public static byte[] Plain { get; } = new RawTar().Add("motd", content: "hello\n").End().ToArray();

    public static byte[] Compressed(CompressionKind kind) => kind switch
    {
        CompressionKind.None => Plain,
        CompressionKind.Xz => Convert.FromBase64String(Xz),
        CompressionKind.Bzip2 => Convert.FromBase64String(Bzip2),
        _ => Compress(Plain, kind),
    };

    public static byte[] Compress(byte[] content, CompressionKind kind)
    {
        using var output = new MemoryStream();
        using (var compressed = Compression.OpenWrite(output, kind, leaveOpen: true))
        {
            compressed.Write(content);
        }

        return output.ToArray();
    }

    public static byte[] Decompress(Stream compressed, LayerLimits? limits = null)
    {
        var (kind, stream) = Compression.Detect(compressed);
        using var plain = Compression.OpenRead(stream, kind, limits);
        using var output = new MemoryStream();
        plain.CopyTo(output);
        return output.ToArray();
    }
}
