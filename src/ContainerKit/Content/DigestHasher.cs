using System.Security.Cryptography;

namespace ContainerKit.Content;

/// <summary>Computes a digest piece by piece, by the algorithm of one that is expected; by sha256 where none is.</summary>
internal sealed class DigestHasher(Digest expected) : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(expected != default && expected.IsSha512 ? HashAlgorithmName.SHA512 : HashAlgorithmName.SHA256);

    public void Append(ReadOnlySpan<byte> content) => _hash.AppendData(content);

    /// <summary>The digest of all that was appended. What comes after it begins anew.</summary>
    public Digest Finish() => Digest.FromHash(_hash.GetHashAndReset());

    public void Dispose() => _hash.Dispose();
}
