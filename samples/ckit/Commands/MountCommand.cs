using System.CommandLine;
using Ckit.CommandLine;

namespace Ckit.Commands;

/// <summary>Mounts a stack of directories, and leaves a server for it in the background, which ends when it is unmounted.</summary>
internal sealed class MountCommand : Command
{
    private readonly Option<string> _lower = new("--lower") { Description = "The read-only directories, the topmost first, with ':' between them.", HelpName = "A:B", Required = true };
    private readonly Option<string?> _upper = new("--upper") { Description = "The directory that takes all changes; without it nothing can be changed.", HelpName = "DIR" };
    private readonly Option<string?> _work = new("--work") { Description = "For overlay's dialect: a directory on the file system of the upper one, where files are made. Beside the upper one unless given.", HelpName = "DIR" };
    private readonly Option<string> _dialect = new("--dialect") { Description = "How the directories say what is gone: overlay or aufs.", HelpName = "NAME", DefaultValueFactory = _ => "overlay" };
    private readonly Option<string?> _passthrough = new("--passthrough") { Description = "Whether the kernel reads and writes the files itself: on, off or auto.", HelpName = "MODE" };
    private readonly Argument<string> _mountPoint = new("MOUNTPOINT") { Description = "An existing directory. 'umount' ends the mount." };

    public MountCommand()
        : base("mount", "Mount directories as one file system, as overlayfs or AUFS does, and serve it in the background.")
    {
        Add(_lower);
        Add(_upper);
        Add(_work);
        Add(_dialect);
        Add(_passthrough);
        Add(_mountPoint);
        SetAction((line, cancellationToken) => UnionService.StartAsync(line.GetRequiredValue(_mountPoint), OptionsOf(line), cancellationToken));
    }

    private string OptionsOf(ParseResult line)
    {
        var (lower, upper) = (line.GetRequiredValue(_lower), line.GetValue(_upper));
        var passthrough = line.GetValue(_passthrough) is { } mode ? $",passthrough={mode}" : "";
        RequireSpellable(lower, upper, line.GetValue(_work));
        switch (line.GetRequiredValue(_dialect))
        {
            case "aufs":
                var branches = lower.Split(':', StringSplitOptions.RemoveEmptyEntries).Select(path => $"{Path.GetFullPath(path)}=ro+wh");
                return $"br={string.Join(':', upper is null ? branches : branches.Prepend($"{Path.GetFullPath(upper)}=rw"))}{passthrough}";
            case "overlay":
                var below = string.Join(':', lower.Split(':', StringSplitOptions.RemoveEmptyEntries).Select(path => Path.GetFullPath(path)));
                return upper is null ? $"lowerdir={below}{passthrough}" : $"lowerdir={below},upperdir={Path.GetFullPath(upper)},workdir={WorkOf(line, upper)}{passthrough}";
            case var other:
                throw new UsageException($"There is no dialect '{other}': it is overlay or aufs.", this);
        }
    }

    private string WorkOf(ParseResult line, string upper)
    {
        if (line.GetValue(_work) is { } given)
        {
            return Path.GetFullPath(given);
        }

        var path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(upper)) + ".work";
        Directory.CreateDirectory(path);
        return path;
    }

    private void RequireSpellable(params IEnumerable<string?> paths)
    {
        if (paths.FirstOrDefault(path => path is not null && path.IndexOfAny([',', '=']) >= 0) is { } odd)
        {
            throw new UsageException($"'{odd}' cannot be mounted: a path with ',' or '=' cannot be told apart from an option.", this);
        }
    }
}
