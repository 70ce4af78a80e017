using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Lists a directory of an image.</summary>
internal sealed class LsCommand : HostCommand
{
    private readonly Option<bool> _long = new("--long", "-l") { Description = "Prints mode, owner, size and time, too." };
    private readonly Option<bool> _json = Json.Option();
    private readonly Argument<string> _image = new("IMAGE") { Description = "The image's name or digest." };
    private readonly Argument<string> _path = new("PATH") { Description = "The directory, or a file.", DefaultValueFactory = _ => "/" };

    public LsCommand()
        : base("ls", "List a directory of an image, one name to a line.")
    {
        Add(_long);
        Add(_json);
        Add(_image);
        Add(_path);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        await ImageFiles.UseAsync(host, line.GetRequiredValue(_image), line.GetRequiredValue(_path), PrintAsync, cancellationToken);
        return 0;

        async Task PrintAsync(ContainerFiles files, string path)
        {
            var names = await ListAsync(files, path, cancellationToken);
            if (!line.GetValue(_long) && !line.GetValue(_json))
            {
                using var output = new StandardOutput();
                names.ForEach(each => output.WriteLine(each.Name));
                return;
            }

            var details = new List<(string Name, FileMetadata Metadata)>();
            foreach (var (name, full) in names)
            {
                details.Add((name, await files.GetMetadataAsync(full, cancellationToken)));
            }

            if (line.GetValue(_json))
            {
                StandardOutput.PrintJson(Json.Array(details.Select(each => ToJson(each.Name, each.Metadata))));
            }
            else
            {
                Print(details);
            }
        }
    }

    /// <summary>The names in a directory with their full paths, or a file itself.</summary>
    private static async Task<List<(string Name, string Path)>> ListAsync(ContainerFiles files, string path, CancellationToken cancellationToken)
    {
        if ((await files.GetMetadataAsync(path, cancellationToken)).Kind is not (FileKind.Directory or FileKind.Symlink))
        {
            return [(path, path)];
        }

        var names = new List<(string, string)>();
        await foreach (var entry in files.ListAsync(path, cancellationToken))
        {
            names.Add((entry.Name, $"{path.TrimEnd('/')}/{entry.Name}"));
        }

        return names;
    }

    private static void Print(List<(string Name, FileMetadata Metadata)> files)
    {
        var table = new Table("MODE", "UID", "GID", "SIZE", "MODIFIED", "NAME");
        foreach (var (name, file) in files)
        {
            table.Add(
                FileDetails.Mode(file),
                file.UserId.ToString(CultureInfo.InvariantCulture),
                file.GroupId.ToString(CultureInfo.InvariantCulture),
                file.Kind is FileKind.CharacterDevice or FileKind.BlockDevice ? $"{file.DeviceMajor}, {file.DeviceMinor}" : file.Size.ToString(CultureInfo.InvariantCulture),
                FileDetails.Time(file),
                file.LinkTarget is { } target ? $"{name} -> {target}" : name);
        }

        table.Print();
    }

    private static JsonObject ToJson(string name, FileMetadata file)
    {
        var details = FileDetails.ToJson(file);
        details.Insert(0, "Name", Text.ForJson(name));
        return details;
    }
}
