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
    private readonly Option<bool> _null = new("--null", "-0") { Description = "Ends each name with a NUL, and prints it as it is." };
    private readonly Argument<string> _image = new("IMAGE") { Description = "The image's name or digest." };
    private readonly Argument<string> _path = new("PATH") { Description = "The directory, or a file.", DefaultValueFactory = _ => "/" };

    public LsCommand()
        : base("ls", "List a directory of an image, one name to a line.")
    {
        Add(_long);
        Add(_json);
        Add(_null);
        Add(_image);
        Add(_path);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        await FilesOfImage.UseAsync(host, line.GetRequiredValue(_image), line.GetRequiredValue(_path), PrintAsync, cancellationToken);
        return 0;

        Task PrintAsync(ImageFiles files, string path)
        {
            Print(line, files, path);
            return Task.CompletedTask;
        }
    }

    private void Print(ParseResult line, ImageFiles files, string path)
    {
        var names = List(files, path);
        if (line.GetValue(_null) || !(line.GetValue(_long) || line.GetValue(_json)))
        {
            using var output = new StandardOutput();
            names.ForEach(each => output.WriteName(each.Name, line.GetValue(_null)));
        }
        else
        {
            var details = names.ConvertAll(each => (each.Name, Metadata: files.GetMetadata(each.Path)));
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
    private static List<(string Name, string Path)> List(ImageFiles files, string path) =>
        files.GetMetadata(path).Kind is FileKind.Directory || (files.GetMetadata(path).Kind is FileKind.Symlink && IsDirectory(files, path))
            ? [.. files.List(path).Select(entry => (entry.Name, $"{path.TrimEnd('/')}/{entry.Name}"))]
            : [(path, path)];

    private static bool IsDirectory(ImageFiles files, string path)
    {
        try
        {
            return files.GetMetadata(path + "/").Kind == FileKind.Directory;
        }
        catch (IOException)
        {
            // It leads nowhere, or to a file: then the symlink itself is what is listed.
            return false;
        }
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
                file.LinkTarget is { } target ? $"{Text.Quote(name)} -> {Text.Quote(target)}" : Text.Quote(name));
        }

        table.Print();
    }

    private static JsonObject ToJson(string name, FileMetadata file)
    {
        var details = FileDetails.ToJson(file);
        Text.AddTo(details, 0, "Name", name);
        return details;
    }
}
