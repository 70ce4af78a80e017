using System.CommandLine;
using Ckit.CommandLine;

namespace Ckit.Commands;

/// <summary>Copies files between the host and a container, by docker's rules about what is in the way.</summary>
internal sealed class CpCommand : HostCommand
{
    private readonly Argument<string> _source = new("SRC") { Description = "What is copied: a path, or CONTAINER:PATH. A directory with '/.' behind it stands for what is in it; '-' stands for a tar archive on standard input." };
    private readonly Argument<string> _destination = new("DST") { Description = "What it becomes, or the directory that it goes into; '-' stands for a tar archive on standard output." };

    public CpCommand()
        : base("cp", "Copy files and directories between the host and a container.")
    {
        Add(_source);
        Add(_destination);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var (from, to) = (line.GetRequiredValue(_source), line.GetRequiredValue(_destination));
        var source = CopyEnd.Parse(from);
        var destination = CopyEnd.Parse(to);
        switch (source.Container, destination.Container)
        {
            case (null, { } name):
                await using (var container = await Lookup.ContainerAsync(host, name, cancellationToken))
                {
                    await CopyInAsync(container.Files, source.Path, destination.Path, cancellationToken);
                }

                return 0;
            case ({ } name, null):
                await using (var container = await Lookup.ContainerAsync(host, name, cancellationToken))
                {
                    await CopyOutAsync(container.Files, source.Path, destination.Path, cancellationToken);
                }

                return 0;
            default:
                throw new UsageException("One side of a copy is in a container and the other is not: write CONTAINER:PATH for the one.", this);
        }
    }

    private static async Task CopyInAsync(ContainerFiles files, string source, string destination, CancellationToken cancellationToken)
    {
        if (source == "-")
        {
            await using var input = Console.OpenStandardInput();
            await files.CopyInTarAsync(input, destination, cancellationToken);
            return;
        }

        if (!Path.Exists(source) && new FileInfo(source).LinkTarget is null)
        {
            throw new UsageException($"Cannot copy '{source}': it does not exist.");
        }

        var isDirectory = Directory.Exists(source) && new FileInfo(source.TrimEnd('/')).LinkTarget is null;
        var existing = await KindAsync(files, destination, cancellationToken);
        RequireFit(source, isDirectory, destination, existing);
        if (existing is null && Path.GetDirectoryName(destination.TrimEnd('/')) is { } parent && await KindAsync(files, parent, cancellationToken) != FileKind.Directory)
        {
            throw new UsageException($"Cannot copy '{source}' to '{destination}': there is no directory '{parent}' in the container.");
        }

        var target = existing == FileKind.Directory && !StandsForContent(source) ? Join(destination, Path.GetFileName(Path.GetFullPath(source).TrimEnd('/'))) : destination;
        await files.CopyInAsync(source, target, cancellationToken);
    }

    private static async Task CopyOutAsync(ContainerFiles files, string source, string destination, CancellationToken cancellationToken)
    {
        if (destination == "-")
        {
            await using var output = Console.OpenStandardOutput();
            await files.CopyOutTarAsync(source, output, cancellationToken);
            return;
        }

        var isDirectory = (await files.GetMetadataAsync(source, cancellationToken)).Kind == FileKind.Directory;
        var existing = Directory.Exists(destination) ? FileKind.Directory : Path.Exists(destination) ? FileKind.File : (FileKind?)null;
        RequireFit(source, isDirectory, destination, existing);
        if (existing is null && Path.GetDirectoryName(Path.GetFullPath(destination).TrimEnd('/')) is { } parent && !Directory.Exists(parent))
        {
            throw new UsageException($"Cannot copy '{source}' to '{destination}': there is no directory '{parent}'.");
        }

        var name = source.Split('/', StringSplitOptions.RemoveEmptyEntries) is [.., var last] ? last : "root";
        var target = existing == FileKind.Directory && !StandsForContent(source) ? Path.Combine(destination, name) : destination;
        await MergeAsync(files, source, Path.GetFullPath(target).TrimEnd('/'), cancellationToken);
    }

    /// <summary>
    /// The library copies only to where nothing is. A directory that is there already is filled, and a file that is in the way
    /// replaced by renaming; a symlink in the way is never followed.
    /// </summary>
    private static async Task MergeAsync(ContainerFiles files, string source, string hostPath, CancellationToken cancellationToken)
    {
        var isDirectory = (await files.GetMetadataAsync(source, cancellationToken)).Kind == FileKind.Directory;
        if (isDirectory && Path.Exists(hostPath))
        {
            if (!IsRealDirectory(hostPath))
            {
                throw new UsageException($"Cannot copy the directory '{source}' to '{hostPath}': that is something else.");
            }

            await foreach (var entry in files.ListAsync(source, cancellationToken))
            {
                await MergeAsync(files, Join(source, entry.Name), Join(hostPath, entry.Name), cancellationToken);
            }
        }
        else if (!isDirectory && IsRealDirectory(hostPath))
        {
            throw new UsageException($"Cannot copy '{source}' to '{hostPath}': that is a directory.");
        }
        else
        {
            await ReplaceAsync(files, source, hostPath, isDirectory, cancellationToken);
        }
    }

    private static async Task ReplaceAsync(ContainerFiles files, string source, string hostPath, bool isDirectory, CancellationToken cancellationToken)
    {
        var aside = $"{hostPath}.{Environment.ProcessId}.part";
        await files.CopyOutAsync(source, aside, cancellationToken);
        if (isDirectory)
        {
            Directory.Move(aside, hostPath);
        }
        else if (Path.Exists(aside) || new FileInfo(aside).LinkTarget is not null)
        {
            // What is not there has been left out: devices and sockets are.
            File.Move(aside, hostPath, overwrite: true);
        }
    }

    private static bool IsRealDirectory(string hostPath) => new DirectoryInfo(hostPath) is { Exists: true, LinkTarget: null };

    private static void RequireFit(string source, bool isDirectory, string destination, FileKind? existing)
    {
        if (isDirectory && existing is not (null or FileKind.Directory))
        {
            throw new UsageException($"Cannot copy the directory '{source}' to '{destination}': that is a file.");
        }

        if (!isDirectory && existing is null && destination.EndsWith('/'))
        {
            throw new UsageException($"Cannot copy '{source}' into '{destination}': there is no such directory.");
        }
    }

    private static async Task<FileKind?> KindAsync(ContainerFiles files, string path, CancellationToken cancellationToken)
    {
        try
        {
            // A trailing '/.' follows a symlink to what it leads to.
            return (await files.GetMetadataAsync(path.TrimEnd('/') + "/.", cancellationToken)).Kind;
        }
        catch (DirectoryNotFoundException)
        {
            return FileKind.File;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    private static bool StandsForContent(string path) => path == "." || path.EndsWith("/.", StringComparison.Ordinal);

    private static string Join(string directory, string name) => $"{directory.TrimEnd('/')}/{name}";
}

/// <summary>One end of a copy: a path on the host, or one in a container.</summary>
internal readonly record struct CopyEnd(string? Container, string Path)
{
    /// <summary>As docker reads it: what comes before a colon is a container unless there is a slash or a dot in front of it.</summary>
    public static CopyEnd Parse(string text)
    {
        var end = text.IndexOf(':', StringComparison.Ordinal);
        if (end <= 0 || text[0] is '/' or '.' || text[..end].Contains('/', StringComparison.Ordinal))
        {
            return new CopyEnd(null, text);
        }

        var path = text[(end + 1)..];
        return new CopyEnd(text[..end], path.StartsWith('/') ? path : "/" + path);
    }
}
