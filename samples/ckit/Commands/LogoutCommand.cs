using System.CommandLine;
using Ckit.CommandLine;

namespace Ckit.Commands;

/// <summary>Forgets the credentials of a registry.</summary>
internal sealed class LogoutCommand : HostCommand
{
    private readonly RegistryFlags _registry = new();
    private readonly Argument<string> _server = new("REGISTRY") { Description = "Such as registry.example:5000.", DefaultValueFactory = _ => "docker.io" };

    public LogoutCommand()
        : base("logout", "Forget the credentials of a registry, in the files of docker and podman, too.")
    {
        _registry.AddConnectionTo(this);
        Add(_server);
    }

    protected override RegistryOptions RegistryOptions(ParseResult line) => _registry.ReadFor(line, line.GetRequiredValue(_server));

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var server = line.GetRequiredValue(_server);
        var forgot = await host.Registry.LogoutAsync(server, cancellationToken);
        await Console.Out.WriteLineAsync(forgot ? $"Removed the credentials of {server}" : $"There were no credentials of {server}");
        return 0;
    }
}
