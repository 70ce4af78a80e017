namespace ContainerKit.Content;

/// <summary>The blobs of an OCI image layout.</summary>
/// <remarks>
/// <code>
/// ROOT/blobs/sha256/HEX   a blob, complete and verified
/// ROOT/.tmp/NAME          a blob on its way in
/// </code>
/// </remarks>
internal sealed class BlobStore : IBlobSource
{
    public BlobStore(string root, bool flush = false)
    {
        _ = root;
        _ = flush;
    }

    public string PathOf(Digest digest) => throw new NotImplementedException();

    public bool Contains(Digest digest) => throw new NotImplementedException();

    /// <inheritdoc/>
    public Stream OpenBlob(Descriptor blob) => throw new NotImplementedException();
}
