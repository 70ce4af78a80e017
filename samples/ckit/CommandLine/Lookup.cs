namespace Ckit.CommandLine;

/// <summary>Finds what a user named, or says that it is not there.</summary>
internal static class Lookup
{
    public static async Task<Container> ContainerAsync(ContainerHost host, string name, CancellationToken cancellationToken) =>
        await TryContainerAsync(host, name, cancellationToken) ?? throw NoContainer(name);

    public static async Task<Image> ImageAsync(ContainerHost host, string name, CancellationToken cancellationToken) =>
        await TryImageAsync(host, name, cancellationToken) ?? throw NoImage(name);

    // An empty name is what a script's empty variable becomes, and nothing has it.
    public static async Task<Container?> TryContainerAsync(ContainerHost host, string name, CancellationToken cancellationToken) =>
        string.IsNullOrWhiteSpace(name) ? null : await host.FindContainerAsync(name, cancellationToken);

    public static async Task<Image?> TryImageAsync(ContainerHost host, string name, CancellationToken cancellationToken) =>
        name.Length == 0 ? null : await host.Images.FindAsync(name, cancellationToken);

    public static UsageException NoContainer(string name) => new($"There is no container '{name}'.") { Hint = "See 'ckit ps -a'." };

    public static UsageException NoImage(string name) => new($"There is no image '{name}'.") { Hint = "See 'ckit images'." };
}
