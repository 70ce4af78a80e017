using System.CommandLine;
using Ckit.Commands;

namespace Ckit.CommandLine;

/// <summary>ckit's commands, in the order in which help lists them: containers, images, the host.</summary>
internal static class CkitRoot
{
    private static readonly (string Name, Func<Command> Make)[] Commands =
    [
        ("run", () => new RunCommand()),
        ("create", () => new CreateCommand()),
        ("start", () => new StartCommand()),
        ("attach", () => new AttachCommand()),
        ("ps", () => new PsCommand()),
        ("logs", () => new LogsCommand()),
        ("exec", () => new ExecCommand()),
        ("stop", () => new StopCommand()),
        ("kill", () => new KillCommand()),
        ("wait", () => new WaitCommand()),
        ("pause", PauseCommand.Pause),
        ("unpause", PauseCommand.Resume),
        ("update", () => new UpdateCommand()),
        ("stats", () => new StatsCommand()),
        ("events", () => new EventsCommand()),
        ("rm", () => new RmCommand()),
        ("diff", () => new DiffCommand()),
        ("commit", () => new CommitCommand()),
        ("fork", () => new ForkCommand()),
        ("cp", () => new CpCommand()),
        ("images", () => new ImagesCommand()),
        ("pull", () => new PullCommand()),
        ("push", () => new PushCommand()),
        ("login", () => new LoginCommand()),
        ("logout", () => new LogoutCommand()),
        ("tags", () => new TagsCommand()),
        ("referrers", () => new ReferrersCommand()),
        ("delete", () => new DeleteCommand()),
        ("import", () => new ImportCommand()),
        ("load", () => new LoadCommand()),
        ("save", () => new SaveCommand()),
        ("tag", () => new TagCommand()),
        ("rmi", () => new RmiCommand()),
        ("prune", () => new PruneCommand()),
        ("squash", () => new SquashCommand()),
        ("rebase", () => new RebaseCommand()),
        ("append", () => new AppendCommand()),
        ("convert", () => new ConvertCommand()),
        ("layers", () => new LayersCommand()),
        ("ls", () => new LsCommand()),
        ("cat", () => new CatCommand()),
        ("inspect", () => new InspectCommand()),
        ("mount", () => new MountCommand()),
        ("network", NetworkCommands.All),
        ("volume", VolumeCommands.All),
        ("info", () => new InfoCommand()),
        ("check", () => new CheckCommand()),
        ("df", () => new DfCommand()),
        ("system", () => new Command("system", "Docker's longer spelling.") { new DfCommand() }),
    ];

    /// <summary>Makes the commands that the arguments may mean: all of them take longer to make than a container takes to start.</summary>
    public static RootCommand Create(string[] arguments)
    {
        var root = new RootCommand("Containers and images from the command line, without a daemon.")
        {
            GlobalOptions.Root,
            GlobalOptions.Driver,
            GlobalOptions.LogLevel,
        };
        var meant = Commands.Where(command => arguments.Contains(command.Name)).ToArray();
        foreach (var (_, make) in meant.Length > 0 ? meant : Commands)
        {
            root.Add(make());
        }

        root.SetAction(line => root.Parse("--help").Invoke(line.InvocationConfiguration));
        return root;
    }
}
