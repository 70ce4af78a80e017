using ContainerKit.Content;

namespace ContainerKit.Layers;

/// <summary>What a decoder gives, with its many kinds of failure turned into one, and bombs stopped while they go off.</summary>
internal sealed class DecompressedStream : ReadOnlyStream
{
    private readonly WatchedStream _source;
    private readonly Stream _decoder;
    private readonly CompressionKind _kind;
    private readonly LayerLimits _limits;
    private long _bytes;

    public DecompressedStream(WatchedStream source, Func<Stream, Stream> open, CompressionKind kind, LayerLimits limits)
    {
        _source = source;
        _kind = kind;
        _limits = limits;
        _decoder = Guard(() => open(source));
    }

    public override int Read(Span<byte> buffer)
    {
        int read;
        try
        {
            read = _decoder.Read(buffer);
        }
        catch (Exception e) when (IsDecoders(e))
        {
            throw Damaged(e);
        }

        _bytes += read;
        if (_bytes > _limits.RatioMattersFrom && _bytes / _limits.MaxCompressionRatio > _source.BytesRead)
        {
            throw new ImageException(
                $"The {_kind} stream grows to more than {_limits.MaxCompressionRatio} times its size ({nameof(LayerLimits.MaxCompressionRatio)}): it is a bomb.");
        }

        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            // A decoder that has failed may fail again when it is closed, and has nothing left to say.
            try
            {
                _decoder.Dispose();
            }
            catch (Exception e) when (IsDecoders(e))
            {
            }

            _source.Dispose();
        }

        base.Dispose(disposing);
    }

    // Decoders throw whatever their code ran into. What is not theirs: the disk's errors, refusals from further down, and giving up.
    private static bool IsDecoders(Exception e) => e is InvalidDataException or EndOfStreamException
        || e is not (IOException or ImageException or OperationCanceledException or ObjectDisposedException or InsufficientExecutionStackException);

    private T Guard<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (IsDecoders(e))
        {
            throw Damaged(e);
        }
    }

    private ImageException Damaged(Exception cause) => cause is ZstdSharp.ZstdException { Code: ZstdSharp.Unsafe.ZSTD_ErrorCode.ZSTD_error_frameParameter_windowTooLarge }
        ? new ImageException($"The {_kind} stream wants a window of more than {Compression.MaxZstdWindowBytes >> 20} MiB in memory.", cause) { Hint = "Compress it again, with --long=27 at most." }
        : new ImageException($"The {_kind} stream is damaged or truncated.", cause);
}
