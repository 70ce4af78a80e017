using System.CommandLine;
using System.Net;
using System.Text.Json.Nodes;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>The commands about networks that containers share.</summary>
internal static class NetworkCommands
{
    public static Command All() => new("network", "Make, list and remove networks that root's containers share.")
    {
        new CreateNetworkCommand(), new ListNetworksCommand(), new InspectNetworksCommand(), new RemoveNetworksCommand(),
    };

    private static Argument<string[]> Names() => new("NETWORK") { Description = "Names of networks.", Arity = ArgumentArity.OneOrMore };

    private static UsageException NoNetwork(string name) => new($"There is no network '{name}'.");

    private sealed class CreateNetworkCommand : HostCommand
    {
        private readonly Option<string?> _subnet = new("--subnet") { Description = "Its IPv4 addresses; when left out, 256 that the host does not use otherwise.", HelpName = "10.1.2.0/24" };
        private readonly Argument<string> _name = new("NETWORK") { Description = "The name." };

        public CreateNetworkCommand()
            : base("create", "Make a network, and print its name.")
        {
            Add(_subnet);
            Add(_name);
        }

        protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
        {
            IPNetwork? subnet = line.GetValue(_subnet) is not { } text ? null
                : IPNetwork.TryParse(text, out var network) && network.ToString() == text ? network
                : throw new UsageException($"'{text}' is no subnet, such as 10.1.2.0/24.", this);
            try
            {
                StandardOutput.PrintLine((await host.Networks.CreateAsync(line.GetRequiredValue(_name), subnet, cancellationToken)).Name);
                return 0;
            }
            catch (ArgumentException e)
            {
                throw new UsageException(e.Message, this);
            }
        }
    }

    private sealed class ListNetworksCommand : HostCommand
    {
        private readonly Option<bool> _json = Json.Option();

        public ListNetworksCommand()
            : base("ls", "List networks.") => Add(_json);

        protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
        {
            var networks = await host.Networks.ListAsync(cancellationToken).ToListAsync(cancellationToken);
            if (line.GetValue(_json))
            {
                StandardOutput.PrintJson(Json.Array(networks.Select(ToJson)));
                return 0;
            }

            var table = new Table("NAME", "SUBNET", "CONTAINERS", "CREATED");
            foreach (var network in networks)
            {
                table.Add(network.Name, $"{network.Subnet ?? network.FixedSubnet}", $"{network.Members.Count}", Ages.Format(network.Created));
            }

            table.Print();
            return 0;
        }
    }

    private sealed class InspectNetworksCommand : HostCommand
    {
        private readonly Argument<string[]> _names = Names();

        public InspectNetworksCommand()
            : base("inspect", "Show all that is known about networks, as JSON.") => Add(_names);

        protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
        {
            var found = new List<JsonNode?>();
            foreach (var name in line.GetRequiredValue(_names))
            {
                found.Add(ToJson(await host.Networks.FindAsync(name, cancellationToken) ?? throw NoNetwork(name)));
            }

            StandardOutput.PrintJson(Json.Array(found));
            return 0;
        }
    }

    private sealed class RemoveNetworksCommand : HostCommand
    {
        private readonly Argument<string[]> _names = Names();

        public RemoveNetworksCommand()
            : base("rm", "Remove networks that no container runs in, and print the name of each.") => Add(_names);

        protected override Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken) => ForEachAsync(
            line.GetRequiredValue(_names),
            async name => StandardOutput.PrintLine(await host.Networks.RemoveAsync(name, cancellationToken) ? name : throw NoNetwork(name)));
    }

    private static JsonObject ToJson(BridgeNetwork network) => new()
    {
        ["Name"] = network.Name,
        ["Created"] = Json.Time(network.Created),
        ["Bridge"] = network.Bridge,
        ["Subnet"] = (network.Subnet ?? network.FixedSubnet)?.ToString(),
        ["Gateway"] = network.Gateway?.ToString(),
        ["Members"] = Json.Array(network.Members.Select(member => new JsonObject
        {
            ["Id"] = member.ContainerId,
            ["Address"] = member.Address.ToString(),
            ["Names"] = Json.Strings(member.Names),
        })),
    };
}
