using System.Globalization;
using System.Text.Json.Nodes;

namespace Ckit.Output;

/// <summary>What a file system knows about a file, for people and for programs.</summary>
internal static class FileDetails
{
    private const string Permissions = "rwxrwxrwx";

    /// <summary>Kind and permissions as <c>ls -l</c> writes them: <c>drwxr-xr-x</c>.</summary>
    public static string Mode(FileMetadata file)
    {
        var letters = Permissions.ToCharArray();
        for (var i = 0; i < letters.Length; i++)
        {
            letters[i] = (file.Mode >> (letters.Length - 1 - i) & 1) != 0 ? letters[i] : '-';
        }

        SetSpecial(letters, 2, (file.Mode & 0x800) != 0, 's', 'S');
        SetSpecial(letters, 5, (file.Mode & 0x400) != 0, 's', 'S');
        SetSpecial(letters, 8, (file.Mode & 0x200) != 0, 't', 'T');
        return Kind(file.Kind) + new string(letters);
    }

    public static string Time(FileMetadata file) =>
        file.ModifiedTime.ToDateTimeOffset().UtcDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);

    public static JsonObject ToJson(FileMetadata file)
    {
        var json = WithoutTarget(file);
        if (file.LinkTarget is { } target)
        {
            json.Remove("LinkTarget");
            Text.AddTo(json, json.IndexOf("Xattrs"), "LinkTarget", target);
        }

        return json;
    }

    private static JsonObject WithoutTarget(FileMetadata file) => new()
    {
        ["Type"] = file.Kind.ToString(),
        ["Mode"] = Convert.ToString(file.Mode, 8).PadLeft(4, '0'),
        ["Uid"] = file.UserId,
        ["Gid"] = file.GroupId,
        ["Size"] = file.Size,
        ["ModTime"] = Json.Time(file.ModifiedTime.ToDateTimeOffset()),
        ["Digest"] = file.Digest?.ToString(),
        ["LinkTarget"] = null,
        ["Xattrs"] = Json.Map(file.ExtendedAttributes.Select(each => KeyValuePair.Create(Text.ForJson(each.Key), Convert.ToBase64String(each.Value.Span)))),
    };

    private static char Kind(FileKind kind) => kind switch
    {
        FileKind.Directory => 'd',
        FileKind.Symlink => 'l',
        FileKind.CharacterDevice => 'c',
        FileKind.BlockDevice => 'b',
        FileKind.Fifo => 'p',
        FileKind.Socket => 's',
        _ => '-',
    };

    private static void SetSpecial(char[] letters, int position, bool isSet, char withExecute, char without)
    {
        if (isSet)
        {
            letters[position] = letters[position] == 'x' ? withExecute : without;
        }
    }
}
