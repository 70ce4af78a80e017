namespace Ckit.CommandLine;

/// <summary>Finds what a user named, or says that it is not there.</summary>
internal static class Lookup
{
    public static async Task<Container> ContainerAsync(ContainerHost host, string name, CancellationToken cancellationToken) =>
        await host.FindContainerAsync(name, cancellationToken) ?? throw NoContainer(name);

    public static async Task<Image> ImageAsync(ContainerHost host, string name, CancellationToken cancellationToken) =>
        await host.Images.FindAsync(name, cancellationToken) ?? throw NoImage(name);

    public static UsageException NoContainer(string name) => new($"There is no container '{name}'.") { Hint = "See 'ckit ps -a'." };

    public static UsageException NoImage(string name) => new($"There is no image '{name}'.") { Hint = "See 'ckit images'." };
}
