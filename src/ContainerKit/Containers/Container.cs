using System.Runtime.CompilerServices;
using ContainerKit.Containers.Catalog;
using ContainerKit.Containers.Files;
using ContainerKit.Images;
using ContainerKit.Isolation;
using ContainerKit.Layers.Trees;

// A container exists only where one could be made, which is Linux.
#pragma warning disable CA1416

namespace ContainerKit;

/// <summary>
/// A container whose file system exists and in which nothing runs: the image's layers, read-only, and one layer of its own on top.
/// An unnamed one is removed by <see cref="DisposeAsync"/>, a named one stays until <see cref="RemoveAsync(CancellationToken)"/>.
/// </summary>
public sealed class Container : IFileTree, IAsyncDisposable
{
    private readonly ContainerInstance _instance;

    internal Container(ContainerInstance instance)
    {
        _instance = instance;
        Files = new ContainerFiles(instance);
    }

    /// <summary>The id: 64 hexadecimal digits, of which 12 usually tell a container apart.</summary>
    public string Id => _instance.Record.Id;

    /// <summary>The name, if it was given one.</summary>
    public string? Name => _instance.Record.Name;

    /// <summary>The name of the image that it was made of, as it was then.</summary>
    public string ImageReference => _instance.Record.ImageReference;

    /// <summary>The digest of the image that it was made of.</summary>
    public Digest ImageDigest => Digest.Parse(_instance.Record.ImageDigest);

    /// <summary>When it was made.</summary>
    public DateTimeOffset Created => _instance.Record.Created;

    /// <summary>The program and the arguments that it starts.</summary>
    public IReadOnlyList<string> Command => _instance.CommandLine;

    /// <summary>How it will be run.</summary>
    public ContainerSettings Settings => new(_instance.Record);

    /// <summary>Its files.</summary>
    public ContainerFiles Files { get; }

    bool IFileTree.HasOwnFiles => true;

    IReadOnlyList<Layer> IFileTree.FindLayers() => _instance.FindImage().Layers;

    void IFileTree.ApplyOwnFiles(LayerTree tree, CancellationToken cancellationToken) => _instance.ApplyTo(tree, Files, cancellationToken);

    /// <summary>
    /// In what it differs from its image, in path order. As with <c>docker diff</c>, every directory above a change is reported as changed.
    /// </summary>
    /// <remarks>A running container is paused meanwhile: by its control group's freezer, or by SIGSTOP where it has no control group.</remarks>
    /// <exception cref="StorageException">It runs in another process, or its layer cannot be read.</exception>
    public async IAsyncEnumerable<FileChange> DiffAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var image = new Lazy<LayerTree>(() => _instance.ReadImage(CancellationToken.None));
        foreach (var change in await Task.Run(() => _instance.Diff(cancellationToken), cancellationToken).ConfigureAwait(false))
        {
            yield return change with
            {
                BeforeContent = change.Before is { Kind: FileKind.File, Size: > 0 } ? new ImageFileContent(image, change.Path) : null,
                AfterContent = change.After is { Kind: FileKind.File, Size: > 0 } ? new ContainerContent(Files, change.Path) : null,
            };
        }
    }

    /// <summary>Makes an image of it: the image that it came from, and its own layer on top.</summary>
    /// <param name="reference">The new image's name.</param>
    /// <param name="cancellationToken">Gives up; no image appears.</param>
    /// <remarks>A running container is paused meanwhile: by its control group's freezer, or by SIGSTOP where it has no control group.</remarks>
    /// <exception cref="FormatException"><paramref name="reference"/> is not an image name.</exception>
    /// <exception cref="StorageException">It runs in another process, or its layer cannot be read.</exception>
    /// <exception cref="ImageException">The image that it came from is gone from the store.</exception>
    public Task<Image> CommitAsync(string reference, CancellationToken cancellationToken = default) => CommitAsync(reference, ImageEditOptions.Default, cancellationToken);

    /// <inheritdoc cref="CommitAsync(string, CancellationToken)"/>
    /// <param name="reference">The new image's name.</param>
    /// <param name="options">When it counts as made, and how its layer is compressed. With a time given, the same files give the same digest.</param>
    /// <param name="cancellationToken">Gives up; no image appears.</param>
    public Task<Image> CommitAsync(string reference, ImageEditOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var name = ContainerKit.ImageReference.Parse(reference);
        return _instance.CommitAsync(name, options, cancellationToken);
    }

    internal Task<StoredLayer> AddLayerAsync(ImageCatalog images, StoreLease lease, ImageEditOptions options, CancellationToken cancellationToken) =>
        _instance.AddLayerAsync(images, lease, options, cancellationToken);

    /// <summary>
    /// Makes a second container that begins as this one is now, and then goes its own way, as this one does. The layer is frozen, and
    /// both get a new one on top of it, so that it costs the same whatever is in the layer (with the driver vfs, a copy).
    /// </summary>
    /// <remarks>
    /// A container that runs goes on running, paused for the moment, where this process serves its files: with the driver aufs, unless the kernel has aufs itself.
    /// Files that its programs have open they go on writing in the new layer.
    /// </remarks>
    /// <param name="name">The fork's name; null for one that <see cref="DisposeAsync"/> removes.</param>
    /// <param name="cancellationToken">Gives up; there is no fork then.</param>
    /// <returns>The fork: of the same image, with the same settings. Either can be removed first.</returns>
    /// <exception cref="HostCapabilityException">It runs, and the storage driver cannot put a layer on what is mounted.</exception>
    /// <exception cref="StorageException">The name is taken, its files are open, or the store cannot be written.</exception>
    public Task<Container> ForkAsync(string? name = null, CancellationToken cancellationToken = default)
    {
        var wanted = name is null ? null : ContainerName.Require(name);
        return Task.Run(() => _instance.Fork(wanted, cancellationToken), cancellationToken);
    }

    /// <summary>Starts its program.</summary>
    /// <returns>The running container. Disposing of it kills it; this container is there afterwards as before.</returns>
    /// <exception cref="IsolationException">The program could not be started; <see cref="IsolationException.Step"/> says where.</exception>
    /// <exception cref="HostCapabilityException">This host lacks something that is needed.</exception>
    /// <exception cref="StorageException">It runs already, here or in another process.</exception>
    public Task<RunningContainer> StartAsync(CancellationToken cancellationToken = default) => _instance.StartAsync(this, ownsContainer: false, cancellationToken);

    /// <summary>Starts its program as the options say: detached, it outlives this process.</summary>
    /// <param name="options">How it is started.</param>
    /// <param name="cancellationToken">Gives up; nothing runs then.</param>
    /// <returns>The running container. Disposing of a detached one only lets go of it.</returns>
    /// <exception cref="StorageException">It runs already, here or in another process, or it was to be detached and has no name.</exception>
    /// <exception cref="HostCapabilityException">This host lacks something that is needed; or the files of a container that was to be detached are served by this process (driver aufs on a kernel without it).</exception>
    /// <inheritdoc cref="StartAsync(CancellationToken)"/>
    public Task<RunningContainer> StartAsync(StartOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.Detached ? _instance.StartDetachedAsync(this, options, cancellationToken) : StartAsync(cancellationToken);
    }

    /// <summary>
    /// The run of a container that was started elsewhere: detached, or by another process that runs it still. It can be waited for, signalled, stopped, and further
    /// programs can be run in it; disposing of it lets go of it and ends nothing.
    /// </summary>
    /// <remarks>
    /// Of a detached container, <see cref="RunningContainer.StandardOutput"/> and <see cref="RunningContainer.StandardError"/> are read from its log,
    /// from the beginning or from where <see cref="AttachOptions.Tail"/> says, and <see cref="RunningContainer.StandardInput"/> leads to its program where the description says <see cref="ContainerBuilder.WithOpenInput"/>
    /// (disposing of it is no end for the program); of one that another process runs they are empty, because its streams are that process's: <see cref="RunningContainer.IsDetached"/> tells.
    /// </remarks>
    /// <exception cref="StorageException">It does not run, or this process runs it itself.</exception>
    public Task<RunningContainer> AttachAsync(CancellationToken cancellationToken = default) => AttachAsync(new AttachOptions(), cancellationToken);

    /// <inheritdoc cref="AttachAsync(CancellationToken)"/>
    /// <param name="options">From where on what it writes is read.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<RunningContainer> AttachAsync(AttachOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Task.Run(() => _instance.Attach(this, options, cancellationToken), cancellationToken);
    }

    /// <summary>Asks its program to end, wherever it runs, and ends it when it has not done so in time; it is not started again, whatever its description said. One that does not run is no error.</summary>
    /// <param name="grace">How long it has; 10 seconds when null.</param>
    /// <param name="cancellationToken">Stops waiting; the program then may still run.</param>
    public Task StopAsync(TimeSpan? grace = null, CancellationToken cancellationToken = default) => _instance.StopAsync(this, grace, cancellationToken);

    /// <summary>Changes what it may use of the machine: at once where it runs, in this process or elsewhere, and for every start from now on.</summary>
    /// <param name="limits">The limits that change; what is null there stays as it is.</param>
    /// <param name="cancellationToken">Gives up; nothing changes then.</param>
    /// <exception cref="ArgumentException">They contradict themselves, or those that stay.</exception>
    /// <exception cref="HostCapabilityException">It runs without a control group, or without the controller of a limit.</exception>
    /// <exception cref="IsolationException">The kernel refuses a limit, or the container uses more memory than it is to have. What was changed before stays changed until its end.</exception>
    public Task UpdateLimitsAsync(ResourceLimits limits, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(limits);
        return Task.Run(() => _instance.UpdateLimits(limits, cancellationToken), cancellationToken);
    }

    /// <summary>Changes when its program is started again after its end: of what runs, in this process or elsewhere, and for every start from now on.</summary>
    /// <param name="policy">When.</param>
    /// <param name="cancellationToken">Gives up; nothing changes then.</param>
    /// <remarks>How often it has been started again stays counted, and a new maximum is held against that. One that somebody has stopped stays ended until it is started.</remarks>
    /// <exception cref="HostCapabilityException">It has a terminal; or it runs in the foreground, and started without a policy: the process that runs it has kept nothing for a further program.</exception>
    public Task UpdateRestartAsync(RestartPolicy policy, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return Task.Run(() => _instance.UpdateRestart(policy, cancellationToken), cancellationToken);
    }

    /// <summary>What its program does, or how its last run ended.</summary>
    public Task<ContainerState> GetStateAsync(CancellationToken cancellationToken = default) => Task.Run(() => _instance.ReadState(cancellationToken), cancellationToken);

    /// <summary>What it wrote while it was detached, line by line; the runs of a container share one log.</summary>
    /// <param name="options">Which part; all that is kept when null.</param>
    /// <param name="cancellationToken">Stops reading.</param>
    /// <exception cref="StorageException">It has run, and never detached: nobody has kept what it wrote.</exception>
    public async IAsyncEnumerable<LogLine> ReadLogAsync(LogOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        options ??= new LogOptions();
        _instance.RequireLog();
        var run = options.Follow ? await Task.Run(() => _instance.FindOutsideRun(awaitsStart: true, cancellationToken), cancellationToken).ConfigureAwait(false) : null;
        try
        {
            await foreach (var line in _instance.Log(run).ReadLinesAsync(options, cancellationToken).ConfigureAwait(false))
            {
                yield return line;
            }
        }
        finally
        {
            if (run is not null)
            {
                await run.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    /// <summary>
    /// Whether its program runs, here or in another process. In another process, open files of the container look the same.
    /// </summary>
    public Task<bool> IsRunningAsync(CancellationToken cancellationToken = default) => Task.Run(_instance.IsRunning, cancellationToken);

    /// <summary>Removes it with its layer, named or not. One that is gone already is no error.</summary>
    /// <exception cref="StorageException">It runs, here or in another process.</exception>
    public Task RemoveAsync(CancellationToken cancellationToken = default) => Task.Run(_instance.Remove, cancellationToken);

    /// <summary>Removes it with its layer, named or not, and on demand ends its program first. One that is gone already is no error.</summary>
    /// <param name="force">Whether a program that runs, here or in another process, is killed.</param>
    /// <param name="cancellationToken">Stops waiting for the end of what was killed.</param>
    /// <exception cref="StorageException">It runs and was not to be ended, did not end in time, or another process has its files open.</exception>
    public Task RemoveAsync(bool force, CancellationToken cancellationToken = default) =>
        force ? Task.Run(() => _instance.RemoveByForceAsync(cancellationToken), cancellationToken) : RemoveAsync(cancellationToken);

    /// <summary>Lets go of it, and removes it with its layer unless it is named.</summary>
    public async ValueTask DisposeAsync() => await Task.Run(_instance.Release).ConfigureAwait(false);

    /// <inheritdoc/>
    public override string ToString() => Name ?? Id[..12];

    internal Task<RunningContainer> StartOwnedAsync(CancellationToken cancellationToken) => _instance.StartAsync(this, ownsContainer: true, cancellationToken);
}
