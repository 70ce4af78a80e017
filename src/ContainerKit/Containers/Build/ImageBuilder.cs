using System.Collections.Immutable;
using ContainerKit.Containers;
using ContainerKit.Containers.Build;
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
    private readonly ImageSource? _base;
    private readonly ImmutableArray<BuildStep> _steps;
    private readonly ImmutableArray<Func<ImageConfig, ImageConfig>> _settings;
    private readonly PullPolicy _pull;
    private readonly ImageEditOptions _options;

    internal ImageBuilder(ContainerHost host, ImageSource? baseImage)
        : this(host, baseImage, [], [], PullPolicy.Never, ImageEditOptions.Default)
    {
    }

    private ImageBuilder(
        ContainerHost host,
        ImageSource? baseImage,
        ImmutableArray<BuildStep> steps,
        ImmutableArray<Func<ImageConfig, ImageConfig>> settings,
        PullPolicy pull,
        ImageEditOptions options)
    {
        _host = host;
        _base = baseImage;
        _steps = steps;
        _settings = settings;
        _pull = pull;
        _options = options;
    }

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
    /// Says when the image counts as made. Files that steps add count as last changed no later than that, as <c>SOURCE_DATE_EPOCH</c>
    /// asks for; those of <see cref="AddTar"/> keep their times. So the same files give the same digest, whenever they were checked out.
    /// </summary>
    public ImageBuilder WithTimestamp(DateTimeOffset time) => new(_host, _base, _steps, _settings, _pull, _options with { Timestamp = time });

    /// <summary>Says with what the layers of steps are compressed; gzip unless told otherwise.</summary>
    public ImageBuilder WithCompression(LayerCompression compression) => new(_host, _base, _steps, _settings, _pull, _options with { Compression = compression });

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
    public ImageBuilder WithPull(PullPolicy policy) => new(_host, _base, _steps, _settings, policy, _options);

    /// <summary>Builds the image and names it.</summary>
    /// <param name="reference">The name, such as <c>web:1</c>.</param>
    /// <param name="progress">Told about each step.</param>
    /// <param name="cancellationToken">Gives up; no image appears.</param>
    /// <exception cref="ImageException">The base is not there, or an input cannot be read.</exception>
    /// <exception cref="StorageException">There is no room for it.</exception>
    /// <exception cref="FormatException"><paramref name="reference"/> is not an image name.</exception>
    public async Task<Image> BuildAsync(string reference, IProgress<ImageProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var name = ImageReference.Parse(reference);
        var baseImage = _base is null ? null : await _base.ResolveAsync(_host.Images, _pull, cancellationToken).ConfigureAwait(false);
        return await Task.Run(() => FullDisk.Tell($"build '{name}'", _host.StoreDirectory, () => Build(name, baseImage, progress, cancellationToken)), cancellationToken).ConfigureAwait(false);
    }

    private Image Build(ImageReference name, Image? baseImage, IProgress<ImageProgress>? progress, CancellationToken cancellationToken)
    {
        var catalog = _host.Images.Catalog;
        using var lease = catalog.Lease(cancellationToken);
        var layers = baseImage?.Layers.Select(layer => new StoredLayer(layer.Descriptor, layer.DiffId)).ToList() ?? [];
        var config = baseImage?.Config ?? new ImageConfig();
        foreach (var step in _steps)
        {
            progress?.Report(new ImageProgress(ImagePhase.Building, step.Description, 0, null));
            layers.Add(step.AddTo(catalog, lease, layers, _options, cancellationToken));
            config = config with { History = [.. config.History, new ImageHistory { Created = _options.Timestamp, CreatedBy = step.Description }] };
        }

        config = config with { Created = _options.Timestamp ?? config.Created };

        config = _settings.Aggregate(config, (current, setting) => setting(current));
        return catalog.CreateImage(lease, config, layers, name, cancellationToken);
    }

    private static int RequireMode(int mode)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(mode);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(mode, 0xFFF);
        return mode;
    }

    private ImageBuilder WithStep(BuildStep step) => new(_host, _base, _steps.Add(step), _settings, _pull, _options);

    private ImageBuilder WithSetting(Func<ImageConfig, ImageConfig> setting) => new(_host, _base, _steps, _settings.Add(setting), _pull, _options);
}
