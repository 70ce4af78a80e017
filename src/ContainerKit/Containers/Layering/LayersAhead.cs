using ContainerKit.Content;

namespace ContainerKit.Containers.Layering;

/// <summary>
/// Opens the layers that will be unpacked before it is their turn. Several are decompressed and verified at once, each on a thread of
/// its own and into a bounded pipe, while they are applied one after another.
/// </summary>
internal sealed class LayersAhead : IDisposable
{
    // Of all pipes together, whatever the layers' sizes. What the decoders hold comes on top: for gzip nothing to speak of, for zstd
    // the window that the layer was written with, usually 8 MiB or less.
    private const int MaxBytes = 12 << 20;
    private const int FewestAtOnce = 2, MostAtOnce = 4;

    private readonly Queue<Layer> _waiting;
    private readonly Queue<ReadAheadStream> _opened = new();
    private readonly int _atOnce = Math.Clamp(Environment.ProcessorCount, FewestAtOnce, MostAtOnce);
    private readonly CancellationToken _cancellationToken;

    /// <param name="layers">The layers, in the order in which they are applied.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public LayersAhead(IEnumerable<Layer> layers, CancellationToken cancellationToken)
    {
        _waiting = new(layers);
        _cancellationToken = cancellationToken;
    }

    /// <summary>The next layer's archive, uncompressed; the caller's to dispose before it takes another.</summary>
    public ReadAheadStream Take()
    {
        while (_opened.Count < _atOnce && _waiting.TryDequeue(out var layer))
        {
            _opened.Enqueue(layer.OpenAhead(MaxBytes / _atOnce, _cancellationToken));
        }

        return _opened.Dequeue();
    }

    public void Dispose()
    {
        foreach (var stream in _opened)
        {
            stream.Dispose();
        }
    }
}
