namespace ContainerKit.Content;

/// <summary>A blob on its way into a store: hashed while it is written, named when it is complete, gone when it is disposed before that.</summary>
internal sealed class BlobWriter : WriteOnlyStream
{
    private readonly BlobStore _store;
    private readonly bool _flush;
    private readonly FileStream _file;
    private readonly DigestHasher _hash;
    private long _length;
    private bool _isCommitted;

    internal BlobWriter(BlobStore store, bool flush, Digest promised)
    {
        _store = store;
        _flush = flush;
        _hash = new DigestHasher(promised);
        _file = store.CreateTemporary();
    }

    /// <summary>Whether it takes the place of a blob of the same name, which must be damaged.</summary>
    public bool Replaces { get; init; }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        _hash.Append(buffer);
        _file.Write(buffer);
        _length += buffer.Length;
    }

    /// <summary>Reads what has been written so far.</summary>
    public Stream Reopen() => new FileStream(_file.Name, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 1);

    /// <summary>Names the blob by what has been written.</summary>
    public Descriptor Commit(string mediaType)
    {
        var blob = new Descriptor(mediaType, _hash.Finish(), _length);
        Publish(blob.Digest);
        return blob;
    }

    /// <summary>Names the blob, if it is the one that was promised.</summary>
    /// <exception cref="ImageException">It is another.</exception>
    public void Commit(Descriptor expected)
    {
        Check(expected);
        Publish(expected.Digest);
    }

    /// <summary>Sees whether what has been written is all of the blob that was promised. Nothing more can be written then.</summary>
    /// <exception cref="ImageException">It is another.</exception>
    public void Check(Descriptor expected)
    {
        BlobStore.CheckSize(expected, _length);
        var digest = _hash.Finish();
        if (digest != expected.Digest)
        {
            throw new ImageException($"The blob {expected.Digest} is damaged: its content has the digest {digest}.");
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _hash.Dispose();
            _file.Dispose();
            if (!_isCommitted)
            {
                File.Delete(_file.Name);
            }
        }

        base.Dispose(disposing);
    }

    private void Publish(Digest digest)
    {
        _file.Flush(_flush);
        _file.Dispose();
        if (Replaces || !_store.Contains(digest))
        {
            _store.Publish(_file.Name, digest, Replaces);
            _isCommitted = true;
        }
    }
}
