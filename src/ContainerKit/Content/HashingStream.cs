using System.Security.Cryptography;

namespace ContainerKit.Content;

/// <summary>Hashes and counts what is written through it.</summary>
internal sealed class HashingStream(Stream output) : WriteOnlyStream
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public long BytesWritten { get; private set; }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        _hash.AppendData(buffer);
        BytesWritten += buffer.Length;
        output.Write(buffer);
    }

    public override void Flush() => output.Flush();

    /// <summary>The digest of all that has been written.</summary>
    public Digest GetDigest() => Digest.FromHash(_hash.GetCurrentHash());

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _hash.Dispose();
        }

        base.Dispose(disposing);
    }
}
