namespace ContainerKit.Content;

/// <summary>
/// A blob whose bytes come in over more than one attempt, perhaps of more than one process: what is here of it stays when the attempt
/// ends, and the next goes on behind it. Whoever has it open holds the blob's lock (<see cref="BlobStore.PathOfLock"/>).
/// </summary>
internal sealed class PartialBlob : IDisposable
{
    private const int BufferBytes = 128 << 10, TellBytes = 16 << 20;

    private readonly BlobStore _store;
    private readonly Descriptor _blob;
    private readonly bool _flush;
    private readonly FileStream _file;
    private readonly DigestHasher _hash;
    private bool _isGone;

    internal PartialBlob(BlobStore store, Descriptor blob, bool flush, Action<long>? verified, CancellationToken cancellationToken)
    {
        (_store, _blob, _flush) = (store, blob, flush);
        _hash = new DigestHasher(blob.Digest);
        _file = new FileStream(store.PathOfPart(blob.Digest), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete, bufferSize: 1);
        try
        {
            HashWhatIsHere(verified, cancellationToken);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>How many bytes are here.</summary>
    public long Length { get; private set; }

    /// <summary>Adds bytes at the end.</summary>
    /// <exception cref="ImageException">They are more than the descriptor says; the surplus is not written.</exception>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        // Stop at the first byte too many: a lying source must not fill the disk.
        if (bytes.Length > _blob.Size - Length)
        {
            Restart();
            throw new ImageException($"The blob {_blob.Digest} has more than the {_blob.Size} bytes that its descriptor says.");
        }

        _file.Write(bytes);
        _hash.Append(bytes);
        Length += bytes.Length;
    }

    /// <summary>Throws away what is here.</summary>
    public void Restart()
    {
        _file.SetLength(0);
        _hash.Finish();
        Length = 0;
    }

    /// <summary>Names the blob, if it is the one that was promised; throws its bytes away otherwise.</summary>
    /// <exception cref="ImageException">It is another.</exception>
    public void Commit()
    {
        BlobStore.CheckSize(_blob, Length);
        var digest = _hash.Finish();
        if (digest != _blob.Digest)
        {
            Restart();
            throw new ImageException($"The blob {_blob.Digest} is damaged: its content has the digest {digest}.");
        }

        _file.Flush(_flush);
        _file.Dispose();
        _store.Publish(_file.Name, digest);
        _isGone = true;
    }

    /// <summary>Lets go; what is here stays for the next attempt.</summary>
    public void Dispose()
    {
        _hash.Dispose();
        _file.Dispose();
        if (Length == 0 && !_isGone)
        {
            File.Delete(_file.Name);
        }
    }

    // What lies here may have been cut short or garbled by whatever ended the attempt; its digest, in the end, tells.
    private void HashWhatIsHere(Action<long>? verified, CancellationToken cancellationToken)
    {
        if (_file.Length > _blob.Size)
        {
            _file.SetLength(0);
        }

        var told = 0L;
        var buffer = new byte[BufferBytes];
        for (int read; (read = _file.Read(buffer)) > 0;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _hash.Append(buffer.AsSpan(0, read));
            Length += read;
            if (Length - told >= TellBytes || Length == _file.Length)
            {
                verified?.Invoke(told = Length);
            }
        }
    }
}
