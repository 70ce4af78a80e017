using System.Runtime.Versioning;
using ContainerKit.Containers.Files;
using ContainerKit.Containers.Layering;
using ContainerKit.Containers.Readiness;
using ContainerKit.Containers.Runs;
using ContainerKit.Content;
using ContainerKit.Images;
using ContainerKit.Images.Editing;
using ContainerKit.Layers.Trees;
using ContainerKit.Storage;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Containers.Catalog;

/// <summary>One container behind the public types: its record, its layer, and its program while that runs in this process.</summary>
[SupportedOSPlatform("linux")]
internal sealed partial class ContainerInstance : IFileTreeSource
{
    private const int KillSignal = 9;
    private static readonly TimeSpan LongestEnd = TimeSpan.FromSeconds(10);

    private readonly ContainerCatalog _catalog;
    private readonly SharedTree _layers;
    private readonly Lock _gate = new();
    private SafeFileHandle? _alive;
    private ContainerRun? _run;
    private bool _isBusy;
    private bool _isRemoved;

    /// <param name="catalog">Where it is kept.</param>
    /// <param name="record">What is written down about it.</param>
    /// <param name="alive">Held as long as an unnamed container is in use: without it, the next open sweeps the container.</param>
    public ContainerInstance(ContainerCatalog catalog, ContainerRecord record, SafeFileHandle? alive)
    {
        _catalog = catalog;
        _alive = alive;
        _layers = new SharedTree(catalog, record);
        (Record, _recordTime) = (record, catalog.RecordTime(record.Id));
    }

    public ContainerRecord Record { get; private set; }

    public string StoreDirectory => _catalog.StoreDirectory;

    /// <summary>What it starts, by docker's rules: a new entrypoint drops the image's command.</summary>
    public IReadOnlyList<string> CommandLine
    {
        get
        {
            var entrypoint = Record.Options.Entrypoint is { } own ? own : Record.Image.Entrypoint;
            var command = Record.Options.Command is { } given ? given : Record.Options.Entrypoint is null ? Record.Image.Command : [];
            return [.. entrypoint, .. command];
        }
    }

    public IReadOnlyList<FileChange> Diff(CancellationToken cancellationToken)
    {
        return WithLayer<IReadOnlyList<FileChange>>(layer => [.. _catalog.Snapshots.Changes(layer, Record.ParentSnapshot, cancellationToken)], cancellationToken);
    }

    public Task<Image> CommitAsync(ImageReference? name, ImageEditOptions options, CancellationToken cancellationToken) => Task.Run(
        () =>
        {
            using var told = Begin(ToldOperation.Commit);
            try
            {
                return _catalog.InStore($"commit the container '{Record.Label}'", () => Commit(name, options, cancellationToken));
            }
            catch (Exception e) when (ToldOperation.HasFailed(told, e))
            {
                throw;
            }
        },
        cancellationToken);

    private Image Commit(ImageReference? name, ImageEditOptions options, CancellationToken cancellationToken)
    {
        var image = FindImage();
        return WithLayer(
            layer => Committer.Commit(
                _catalog.Images.Catalog, _catalog.Snapshots, layer, Record.ParentSnapshot, image, name, Record.Options.ApplyTo, options, cancellationToken),
            cancellationToken);
    }

    /// <summary>Adds its own layer to the store.</summary>
    public Task<StoredLayer> AddLayerAsync(ImageCatalog images, StoreLease lease, ImageEditOptions options, CancellationToken cancellationToken) => Task.Run(
        () => WithLayer(layer => Committer.AddLayer(images, lease, _catalog.Snapshots, layer, Record.ParentSnapshot, options, cancellationToken), cancellationToken),
        cancellationToken);

    /// <summary>The image that it came from.</summary>
    /// <exception cref="ImageException">It is no longer in the store.</exception>
    public Image FindImage() => _catalog.Images.Catalog.Find(Record.ImageDigest)
        ?? throw new ImageException($"The image that the container '{Record.Label}' came from ({Record.ImageReference}) is no longer in the store.");

    /// <summary>The files of the image that it came from, read from its layers.</summary>
    public LayerTree ReadImage(CancellationToken cancellationToken)
    {
        var tree = new LayerTree(_catalog.Images.Catalog.Limits);
        using var lease = _catalog.Images.Catalog.Lease(cancellationToken);
        TreeReader.Apply(tree, FindImage().Layers, hashes: true, cancellationToken);
        return tree;
    }

    /// <summary>Applies its own layer to the files of its image.</summary>
    public void ApplyTo(LayerTree tree, ContainerFiles files, CancellationToken cancellationToken)
    {
        WithLayer(
            layer =>
            {
                using var source = _catalog.Snapshots.OpenLayer(layer, Record.ParentSnapshot, cancellationToken);
                tree.BeginLayer();
                foreach (var entry in source.Entries)
                {
                    tree.Apply(entry, ContentOf(entry, source, files, cancellationToken));
                }

                return true;
            },
            cancellationToken);
    }

    /// <summary>Makes a second container that stands where this one does now.</summary>
    public Container Fork(string? name, CancellationToken cancellationToken) =>
        _catalog.InStore($"fork the container '{Record.Label}'", () => ForkNow(name, cancellationToken));

    private Container ForkNow(string? name, CancellationToken cancellationToken)
    {
        ContainerRun? run;
        lock (_gate)
        {
            ThrowIfRemoved();
            run = _run;
            if (run is null)
            {
                ThrowIfBusy();
                return _layers.IsInUse
                    ? throw new StorageException($"Cannot fork the container '{Record.Label}' while its files are open: close the streams first.")
                    : _catalog.Fork(Record, ContainerForks.Freeze(_catalog, Record, cancellationToken), name, cancellationToken);
            }
        }

        return _catalog.Fork(Record, run.Freeze(cancellationToken), name, cancellationToken);
    }

    public async Task<RunningContainer> StartAsync(Container container, bool ownsContainer, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            ThrowIfRemoved();
            ThrowIfBusy();
            ThrowIfOpen();
            _isBusy = true;
        }

        var run = await LaunchAsync(cancellationToken).ConfigureAwait(false);
        var running = new RunningContainer(container, run, ownsContainer);
        await ReadinessGate.RequireAsync(running, run, Record.Options.Readiness, cancellationToken).ConfigureAwait(false);
        return running;
    }

    private async Task<AttachedRun> LaunchAsync(CancellationToken cancellationToken)
    {
        using var told = BeginStart(isDetached: false);
        try
        {
            Refresh();
            var run = await AttachedRun.StartAsync(_catalog, Record, CommandLine, cancellationToken).ConfigureAwait(false);
            lock (_gate)
            {
                _run = run;
            }

            run.WhenStopped(() =>
            {
                lock (_gate)
                {
                    (_run, _isBusy) = (null, false);
                }
            });
            run.WatchHealth(isNew: true);
            return run;
        }
        catch (Exception e)
        {
            lock (_gate)
            {
                _isBusy = false;
            }

            told?.Fail(e);
            throw e is IOException && FullDisk.IsCause(e) ? FullDisk.ToStorage(e, $"start the container '{Record.Label}'", StoreDirectory) : e;
        }
    }

    /// <summary>Whether its program runs, here or in another process.</summary>
    public bool IsRunning()
    {
        lock (_gate)
        {
            if (_isRemoved || _isBusy || _layers.IsInUse)
            {
                return _isBusy;
            }

            // Who runs a container holds its layer.
            return _catalog.IsLayerHeld(Record);
        }
    }

    /// <summary>Removes the container with its layer.</summary>
    public void Remove()
    {
        lock (_gate)
        {
            if (_isRemoved)
            {
                return;
            }

            ThrowIfBusy();
            _catalog.Remove(Record);
            _isRemoved = true;
        }

        Interlocked.Exchange(ref _alive, null)?.Dispose();
    }

    /// <summary>Ends its program, here or in another process, and removes the container.</summary>
    public async Task RemoveByForceAsync(CancellationToken cancellationToken)
    {
        ContainerRun? run;
        lock (_gate)
        {
            run = _run;
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(LongestEnd);
        try
        {
            if (run is not null)
            {
                run.End(KillSignal);
                await run.Exit.WaitAsync(patience.Token).ConfigureAwait(false);
            }

            while (!await TryEndElsewhereAsync(patience.Token).ConfigureAwait(false))
            {
                // Whoever runs it is about to write down as which process, or to let go of what its dead process held.
                patience.Token.ThrowIfCancellationRequested();
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new StorageException($"Cannot remove the container '{Record.Label}': it did not end within {LongestEnd.TotalSeconds:0} seconds.")
            {
                Hint = "A process that hangs inside the kernel cannot be killed, and another process may have its files open.",
            };
        }
    }

    /// <summary>Lets go; an unnamed container ends here, and one that was to go at its end when that has come.</summary>
    public void Release()
    {
        if (Record.Name is null)
        {
            Remove();
        }
        else if (_catalog.IsOver(Record))
        {
            // Not where somebody else has its files open: then the next one finds it.
            _catalog.TryRemove(Record);
        }

        Interlocked.Exchange(ref _alive, null)?.Dispose();
    }

    private static ContainerContent? ContentOf(LayerEntry entry, LayerSource source, ContainerFiles files, CancellationToken cancellationToken)
    {
        if (!Committer.HasContent(entry))
        {
            return null;
        }

        using var content = new FileStream(source.OpenContent(entry), FileAccess.Read, bufferSize: 0);
        return new ContainerContent(files, entry.Path) { Digest = TreeReader.Hash(content, cancellationToken) };
    }

    /// <returns>False when something still runs.</returns>
    private async Task<bool> TryEndElsewhereAsync(CancellationToken cancellationToken)
    {
        if (IsRunning() && RunningProcess.TryRead(_catalog.DirectoryOf(Record.Id)) is { } running)
        {
            if (IsStartedAgain())
            {
                OutsideRun.StopRestarts(_catalog, Record);
            }

            await running.EndAsync(_catalog.FindCgroup(Record.Id), cancellationToken).ConfigureAwait(false);
        }

        lock (_gate)
        {
            ThrowIfBusy();
            _isRemoved = _isRemoved || _catalog.TryRemove(Record);
        }

        if (_isRemoved)
        {
            Interlocked.Exchange(ref _alive, null)?.Dispose();
        }

        return _isRemoved;
    }

    /// <summary>Reads the container's own layer, which nothing changes meanwhile.</summary>
    private T WithLayer<T>(Func<SnapshotLease, T> read, CancellationToken cancellationToken)
    {
        ContainerRun? run;
        lock (_gate)
        {
            ThrowIfRemoved();
            run = _run;
            if (run is null)
            {
                ThrowIfBusy();
            }
        }

        if ((run ?? (_layers.IsInUse ? null : FindOutsideRun(awaitsStart: false, cancellationToken))) is { } running)
        {
            try
            {
                return running.WhilePaused(read);
            }
            finally
            {
                (running as OutsideRun)?.LetGo();
            }
        }

        var (_, lease, use) = _layers.Open(cancellationToken);
        using (use)
        {
            return read(lease);
        }
    }

    private void ThrowIfOpen()
    {
        if (_layers.IsInUse)
        {
            throw new StorageException($"Cannot start the container '{Record.Label}' while its files are open: close the streams first.");
        }
    }

    private void ThrowIfRemoved() => ObjectDisposedException.ThrowIf(_isRemoved, typeof(Container));

    private void ThrowIfBusy()
    {
        if (_isBusy)
        {
            throw new StorageException($"The container '{Record.Label}' is running.") { Hint = "Stop it first." };
        }
    }
}
