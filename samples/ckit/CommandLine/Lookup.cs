namespace Ckit.CommandLine;

/// <summary>Finds what a user named, or says that it is not there.</summary>
internal static class Lookup
{
    public static async Task<Container> ContainerAsync(ContainerHost host, string name, CancellationToken cancellationToken) =>
        await TryContainerAsync(host, name, cancellationToken) ?? throw NoContainer(name);

    public static async Task<Image> ImageAsync(ContainerHost host, string name, CancellationToken cancellationToken) =>
        await TryImageAsync(host, name, cancellationToken) ?? throw NoImage(name);

    /// <summary>The run of a container that is to be running.</summary>
    public static async Task<RunningContainer> RunningAsync(Container container, string name, CancellationToken cancellationToken, AttachOptions? options = null) =>
        await container.IsRunningAsync(cancellationToken)
            ? await container.AttachAsync(options ?? new AttachOptions(), cancellationToken)
            : throw new UsageException($"The container '{name}' is not running.") { Hint = $"Start it first: ckit start {name}" };

    // An empty name is what a script's empty variable becomes, and nothing has it.
    public static async Task<Container?> TryContainerAsync(ContainerHost host, string name, CancellationToken cancellationToken) =>
        string.IsNullOrWhiteSpace(name) ? null : await host.FindContainerAsync(name, cancellationToken);

    public static async Task<Image?> TryImageAsync(ContainerHost host, string name, CancellationToken cancellationToken) =>
        name.Length == 0 ? null : await host.Images.FindAsync(name, cancellationToken);

    /// <summary>A container or, where there is none of that name, an image.</summary>
    public static async Task<FoundTree> TreeAsync(ContainerHost host, string name, CancellationToken cancellationToken) =>
        await TryContainerAsync(host, name, cancellationToken) is { } container
            ? new FoundTree(container, container)
            : new FoundTree(await TryImageAsync(host, name, cancellationToken) ?? throw new UsageException($"There is no container and no image '{name}'."), null);

    public static UsageException NoContainer(string name) => new($"There is no container '{name}'.") { Hint = "See 'ckit ps -a'." };

    public static UsageException NoImage(string name) => new($"There is no image '{name}'.") { Hint = "See 'ckit images'." };
}

/// <summary>Something with files, and what is to be let go of afterwards.</summary>
internal sealed record FoundTree(IFileTree Tree, IAsyncDisposable? Held) : IAsyncDisposable
{
    public ValueTask DisposeAsync() => Held?.DisposeAsync() ?? ValueTask.CompletedTask;
}
