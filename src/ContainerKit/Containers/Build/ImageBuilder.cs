using System.Collections.Immutable;
using ContainerKit.Containers;
using ContainerKit.Containers.Build;
using ContainerKit.Containers.Catalog;
using ContainerKit.Containers.Specs;
using ContainerKit.Content;
using ContainerKit.Images;

namespace ContainerKit;

/// <summary>
/// The description of an image: a base, and steps that each add a layer. It never changes: every call returns a new one. The same
/// steps over the same base with the same input give an image with the same digest.
/// </summary>
public sealed class ImageBuilder
{
    private readonly ContainerHost _host;
    private readonly Description _description;

    internal ImageBuilder(ContainerHost host, ImageSource? baseImage)
        : this(host, new Description(baseImage))
    {
    }

    private ImageBuilder(ContainerHost host, Description description) => (_host, _description) = (host, description);

    /// <summary>
    /// Adds programs of this host, with their loader, the shared libraries that they need, and the symlinks on the way as they are:
    /// one layer. Linux only.
    /// </summary>
    /// <param name="programs">Absolute paths, or names to look for in PATH. A script brings its interpreter.</param>
    public ImageBuilder AddHostProgram(params string[] programs)
    {
        ArgumentNullException.ThrowIfNull(programs);
        ArgumentOutOfRangeException.ThrowIfZero(programs.Length);
        return WithStep(new AddHostProgramsStep([.. programs]));
    }

    /// <summary>Adds a file, owned by root.</summary>
    /// <param name="path">The absolute path in the image.</param>
    /// <param name="content">Its content.</param>
    /// <param name="mode">Permission bits; 0644 unless told otherwise.</param>
    public ImageBuilder AddFile(string path, ReadOnlyMemory<byte> content, int mode = 0x1A4) =>
        WithStep(new AddFileStep(ContainerPath.RequireAbsolute(path), content.ToArray(), RequireMode(mode)));

    /// <summary>Adds a text file, as UTF-8, owned by root.</summary>
    /// <inheritdoc cref="AddFile(string, ReadOnlyMemory{byte}, int)"/>
    public ImageBuilder AddFile(string path, string content, int mode = 0x1A4)
    {
        ArgumentNullException.ThrowIfNull(content);
        return AddFile(path, System.Text.Encoding.UTF8.GetBytes(content), mode);
    }

    /// <summary>Adds an empty directory, owned by root.</summary>
    /// <param name="path">The absolute path in the image.</param>
    /// <param name="mode">Permission bits; 0755 unless told otherwise.</param>
    public ImageBuilder AddDirectory(string path, int mode = 0x1ED) =>
        WithStep(new AddEmptyDirectoryStep(ContainerPath.RequireAbsolute(path), RequireMode(mode)));

    /// <summary>Adds a directory of the host with everything below it: modes, times and symlinks as they are, owned by root.</summary>
    /// <param name="hostDirectory">The directory on the host.</param>
    /// <param name="path">The absolute path in the image that it becomes.</param>
    public ImageBuilder AddDirectory(string hostDirectory, string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(hostDirectory);
        return WithStep(new AddDirectoryStep(Path.GetFullPath(hostDirectory), ContainerPath.RequireAbsolute(path)));
    }

    /// <summary>Adds a tar of the host as one layer: with the owners, times and whiteouts that it has.</summary>
    /// <param name="archive">The archive's file: plain, or compressed with gzip, zstd, xz or bzip2. With gzip and zstd it is kept byte for byte.</param>
    public ImageBuilder AddTar(string archive)
    {
        ArgumentException.ThrowIfNullOrEmpty(archive);
        return WithStep(new AddTarStep(Path.GetFullPath(archive)));
    }

    /// <summary>
    /// Runs a command on what the steps before have made: what it changes is one layer. It runs as the user, in the directory and with the
    /// environment that were set before this step, without the image's entrypoint, and sees the host's network unless
    /// <see cref="WithNetwork"/> says otherwise. Linux only.
    /// </summary>
    /// <param name="command">The program and its arguments; nothing is expanded, so a shell is named: <c>Run("sh", "-c", "…")</c>.</param>
    /// <remarks>
    /// It is isolated as any container is. Names are resolved as the image's own <c>/etc/resolv.conf</c> and <c>/etc/hosts</c> say: where an image has none, add
    /// the host's with <see cref="AddFile(string, string, int)"/> before. What it writes to its output is not kept; when it fails, the last 64 KiB of it are in the
    /// <see cref="CommandFailedException"/>. Files have the times at which they were changed, so that two runs give different digests,
    /// unless <see cref="WithTimestamp"/> says when.
    /// </remarks>
    public ImageBuilder Run(params string[] command)
    {
        ArgumentNullException.ThrowIfNull(command);
        ArgumentOutOfRangeException.ThrowIfZero(command.Length);
        return WithStep(new RunStep([.. command], _description.Settings, _description.Network));
    }

    /// <summary>Says which network the commands of the following <see cref="Run"/> steps see; the host's unless told otherwise.</summary>
    public ImageBuilder WithNetwork(NetworkMode network) => With(_description with { Network = network });

    /// <summary>
    /// Says when the image counts as made. Files that steps add count as last changed no later than that, as <c>SOURCE_DATE_EPOCH</c>
    /// asks for; those of <see cref="AddTar"/> keep their times. So the same files give the same digest, whenever they were checked out.
    /// </summary>
    public ImageBuilder WithTimestamp(DateTimeOffset time) => With(_description with { Options = _description.Options with { Timestamp = time } });

    /// <summary>Says with what the layers of steps are compressed; gzip unless told otherwise.</summary>
    public ImageBuilder WithCompression(LayerCompression compression) => With(_description with { Options = _description.Options with { Compression = compression } });

    /// <summary>Sets the program that containers of the image start.</summary>
    public ImageBuilder WithEntrypoint(params string[] entrypoint) => WithSetting(config => config with { Entrypoint = [.. entrypoint] });

    /// <summary>Sets the default arguments, or the default command where there is no entrypoint.</summary>
    public ImageBuilder WithCommand(params string[] command) => WithSetting(config => config with { Command = [.. command] });

    /// <summary>Sets an environment variable.</summary>
    public ImageBuilder WithEnvironment(string name, string value)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return WithSetting(config => config with { Environment = EnvironmentList.Merge(config.Environment, [new(name, value)]) });
    }

    /// <summary>Sets the directory that programs start in.</summary>
    public ImageBuilder WithWorkingDirectory(string path)
    {
        ContainerPath.RequireAbsolute(path);
        return WithSetting(config => config with { WorkingDirectory = path });
    }

    /// <summary>Sets who programs run as, as in <see cref="ContainerBuilder.WithUser"/>.</summary>
    public ImageBuilder WithUser(string user)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(user);
        return WithSetting(config => config with { User = user });
    }

    /// <summary>Sets a label.</summary>
    public ImageBuilder WithLabel(string name, string value)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return WithSetting(config => config with { Labels = new Dictionary<string, string>(config.Labels) { [name] = value } });
    }

    /// <summary>Says when the base is fetched from its registry; <see cref="PullPolicy.Never"/> unless told otherwise.</summary>
    public ImageBuilder WithPull(PullPolicy policy) => With(_description with { Pull = policy });

    /// <summary>Builds the image and names it.</summary>
    /// <param name="reference">The name, such as <c>web:1</c>.</param>
    /// <param name="progress">Told about each step.</param>
    /// <param name="cancellationToken">Gives up; no image appears.</param>
    /// <exception cref="ImageException">The base is not there, or an input cannot be read.</exception>
    /// <exception cref="CommandFailedException">The command of a <see cref="Run"/> step did not exit with code 0.</exception>
    /// <exception cref="IsolationException">The command of a <see cref="Run"/> step could not be started.</exception>
    /// <exception cref="HostCapabilityException">This host lacks something that a <see cref="Run"/> step needs.</exception>
    /// <exception cref="StorageException">There is no room for it.</exception>
    /// <exception cref="FormatException"><paramref name="reference"/> is not an image name.</exception>
    public async Task<Image> BuildAsync(string reference, IProgress<ImageProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var name = ImageReference.Parse(reference);
        return await ToldOperation.TellAsync(ToldOperation.Build, name.ToString(), driver: null, () => BuildAsync(name, progress, cancellationToken)).ConfigureAwait(false);
    }

    private async Task<Image> BuildAsync(ImageReference name, IProgress<ImageProgress>? progress, CancellationToken cancellationToken)
    {
        var baseImage = _description.Base is null ? null : await _description.Base.ResolveAsync(_host.Images, _description.Pull, cancellationToken).ConfigureAwait(false);
        try
        {
            return await Task.Run(() => BuildAsync(name, baseImage, progress, cancellationToken), cancellationToken).ConfigureAwait(false);
        }
        catch (IOException e) when (FullDisk.IsCause(e))
        {
            throw FullDisk.ToStorage(e, $"build '{name}'", _host.StoreDirectory);
        }
    }

    private async Task<Image> BuildAsync(ImageReference name, Image? baseImage, IProgress<ImageProgress>? progress, CancellationToken cancellationToken)
    {
        var catalog = _host.Images.Catalog;
        var options = _description.Options;
        using var lease = catalog.Lease(cancellationToken);
        var layers = baseImage?.Layers.Select(layer => new StoredLayer(layer.Descriptor, layer.DiffId)).ToList() ?? [];
        var config = baseImage?.Config ?? new ImageConfig();
        foreach (var step in _description.Steps)
        {
            progress?.Report(new ImageProgress(ImagePhase.Building, step.Description, 0, null));
            layers.Add(await step.AddToAsync(new BuildState(_host, lease, config, layers, options), cancellationToken).ConfigureAwait(false));
            config = config with { History = [.. config.History, new ImageHistory { Created = options.Timestamp, CreatedBy = step.Description }] };
        }

        config = config with { Created = options.Timestamp ?? config.Created };
        config = _description.Settings.Aggregate(config, (current, setting) => setting(current));
        return catalog.CreateImage(lease, config, layers, name, cancellationToken);
    }

    private static int RequireMode(int mode)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(mode);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(mode, 0xFFF);
        return mode;
    }

    private ImageBuilder WithStep(BuildStep step) => With(_description with { Steps = _description.Steps.Add(step) });

    private ImageBuilder WithSetting(Func<ImageConfig, ImageConfig> setting) => With(_description with { Settings = _description.Settings.Add(setting) });

    private ImageBuilder With(Description description) => new(_host, description);

    private sealed record Description(ImageSource? Base)
    {
        public ImmutableArray<BuildStep> Steps { get; init; } = [];

        public ImmutableArray<Func<ImageConfig, ImageConfig>> Settings { get; init; } = [];

        public PullPolicy Pull { get; init; } = PullPolicy.Never;

        public ImageEditOptions Options { get; init; } = ImageEditOptions.Default;

        public NetworkMode Network { get; init; } = NetworkMode.Host;
    }
}
