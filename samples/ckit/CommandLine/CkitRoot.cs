using System.CommandLine;
using Ckit.Commands;

namespace Ckit.CommandLine;

/// <summary>ckit's commands, in the order in which help lists them: containers, images, the host.</summary>
internal static class CkitRoot
{
    public static RootCommand Create()
    {
        var root = new RootCommand("Containers and images from the command line, without a daemon.")
        {
            GlobalOptions.Root,
            GlobalOptions.Driver,
            GlobalOptions.LogLevel,
            new RunCommand(),
            new CreateCommand(),
            new PsCommand(),
            new RmCommand(),
            new DiffCommand(),
            new CommitCommand(),
            new CpCommand(),
            new ImagesCommand(),
            new ImportCommand(),
            new LoadCommand(),
            new SaveCommand(),
            new TagCommand(),
            new RmiCommand(),
            new LayersCommand(),
            new LsCommand(),
            new CatCommand(),
            new InspectCommand(),
            new InfoCommand(),
            new CheckCommand(),
        };
        root.SetAction(line => root.Parse("--help").Invoke(line.InvocationConfiguration));
        return root;
    }
}
