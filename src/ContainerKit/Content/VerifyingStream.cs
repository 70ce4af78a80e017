namespace ContainerKit.Content;

/// <summary>Hashes what is read through it, and fails at its end when it was not what was promised.</summary>
internal sealed class VerifyingStream(Stream source, Digest expected, string what) : ReadOnlyStream
{
    private readonly DigestHasher _hash = new(expected);
    private bool _isVerified;

    public override int Read(Span<byte> buffer)
    {
        var read = source.Read(buffer);
        if (read > 0)
        {
            _hash.Append(buffer[..read]);
        }
        else if (!buffer.IsEmpty && !_isVerified)
        {
            Verify();
        }

        return read;
    }

    /// <summary>Reads what is left, so that everything is verified.</summary>
    /// <exception cref="ImageException">It was not what was promised.</exception>
    public void ReadToEnd(CancellationToken cancellationToken)
    {
        var buffer = new byte[64 << 10];
        while (Read(buffer.AsSpan()) > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _hash.Dispose();
            source.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Verify()
    {
        var digest = _hash.Finish();
        _isVerified = digest == expected
            ? true
            : throw new ImageException($"{what} {expected} is damaged: its content has the digest {digest}.");
    }
}
