using System.CommandLine;
using System.Text.Json.Nodes;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>The commands about directories that outlive containers.</summary>
internal static class VolumeCommands
{
    public static Command All() => new("volume", "Make, list and remove volumes: directories that outlive the containers that see them.")
    {
        new CreateVolumeCommand(), new ListVolumesCommand(), new InspectVolumesCommand(), new RemoveVolumesCommand(), new PruneVolumesCommand(),
    };

    private static Argument<string[]> Names() => new("VOLUME") { Description = "Names of volumes.", Arity = ArgumentArity.OneOrMore };

    private static UsageException NoVolume(string name) => new($"There is no volume '{name}'.");

    private sealed class CreateVolumeCommand : HostCommand
    {
        private readonly Option<string[]> _labels = new("--label") { Description = "Writes something on it.", HelpName = "KEY[=VALUE]" };
        private readonly Argument<string> _name = new("VOLUME") { Description = "The name." };

        public CreateVolumeCommand()
            : base("create", "Make a volume, and print its name. One that is there already stays as it is.")
        {
            Add(_labels);
            Add(_name);
        }

        protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
        {
            var name = line.GetRequiredValue(_name);
            var labels = (line.GetValue(_labels) ?? []).Select(label => label.Split('=', 2)).GroupBy(parts => parts[0]).ToDictionary(same => same.Key, same => same.Last().ElementAtOrDefault(1) ?? "");
            _ = await host.Volumes.FindAsync(name, cancellationToken) ?? await host.Volumes.CreateAsync(name, labels, cancellationToken);
            StandardOutput.PrintLine(name);
            return 0;
        }
    }

    private sealed class ListVolumesCommand : HostCommand
    {
        private readonly Option<bool> _quiet = new("--quiet", "-q") { Description = "Prints names and nothing else." };
        private readonly Option<bool> _json = Json.Option();

        public ListVolumesCommand()
            : base("ls", "List volumes.")
        {
            Add(_quiet);
            Add(_json);
        }

        protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
        {
            var volumes = await host.Volumes.ListAsync(cancellationToken).ToListAsync(cancellationToken);
            if (line.GetValue(_json))
            {
                StandardOutput.PrintJson(Json.Array(volumes.Select(ToJson)));
            }
            else if (line.GetValue(_quiet))
            {
                volumes.ForEach(volume => StandardOutput.PrintLine(volume.Name));
            }
            else
            {
                var table = new Table("NAME", "CONTAINERS", "CREATED");
                volumes.ForEach(volume => table.Add(volume.Name, $"{volume.Containers.Count}", Ages.Format(volume.Created)));
                table.Print();
            }

            return 0;
        }
    }

    private sealed class InspectVolumesCommand : HostCommand
    {
        private readonly Argument<string[]> _names = Names();

        public InspectVolumesCommand()
            : base("inspect", "Show all that is known about volumes, as JSON.") => Add(_names);

        protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
        {
            var found = new List<JsonNode?>();
            foreach (var name in line.GetRequiredValue(_names))
            {
                found.Add(ToJson(await host.Volumes.FindAsync(name, cancellationToken) ?? throw NoVolume(name)));
            }

            StandardOutput.PrintJson(Json.Array(found));
            return 0;
        }
    }

    private sealed class RemoveVolumesCommand : HostCommand
    {
        private readonly Option<bool> _force = new("--force", "-f") { Description = "Does not mind those that are not there." };
        private readonly Argument<string[]> _names = Names();

        public RemoveVolumesCommand()
            : base("rm", "Remove volumes that no container has, with all that is in them, and print the name of each.")
        {
            Add(_force);
            Add(_names);
        }

        protected override Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken) => ForEachAsync(
            line.GetRequiredValue(_names),
            async name => StandardOutput.PrintLine(await host.Volumes.RemoveAsync(name, cancellationToken) || line.GetValue(_force) ? name : throw NoVolume(name)));
    }

    private sealed class PruneVolumesCommand : HostCommand
    {
        private readonly Option<bool> _all = new("--all", "-a") { Description = "Removes those with names, too: what is in them is lost." };
        private readonly Option<bool> _force = new("--force", "-f") { Description = "Docker's: nothing is asked in any case." };

        public PruneVolumesCommand()
            : base("prune", "Remove the volumes without a name that no container has, and print the name of each.")
        {
            Add(_all);
            Add(_force);
        }

        protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
        {
            foreach (var name in await host.Volumes.PruneAsync(line.GetValue(_all), cancellationToken))
            {
                StandardOutput.PrintLine(name);
            }

            return 0;
        }
    }

    private static JsonObject ToJson(Volume volume) => new()
    {
        ["Name"] = volume.Name,
        ["CreatedAt"] = Json.Time(volume.Created),
        ["Driver"] = "local",
        ["Mountpoint"] = volume.HostPath,
        ["Labels"] = Labels(volume),
        ["Anonymous"] = volume.IsAnonymous,
        ["Containers"] = Json.Strings(volume.Containers),
    };

    private static JsonObject Labels(Volume volume)
    {
        var labels = new JsonObject();
        foreach (var (key, value) in volume.Labels)
        {
            labels[key] = value;
        }

        return labels;
    }
}
