using System.Globalization;
using System.Runtime.Versioning;
using System.Text;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union;

/// <summary>
/// The text of <c>user.containerkit.stat</c>: <c>UID:GID:MODE</c>, or <c>UID:GID:MODE:TYPE:MAJOR:MINOR</c> for a device that lies
/// on disk as an empty file. Ids and numbers are decimal, the mode is octal, the type is <c>c</c> or <c>b</c>.
/// </summary>
internal readonly record struct OwnerRecord(uint UserId, uint GroupId, int Mode, FileKind? Device = null, uint Major = 0, uint Minor = 0)
{
    public const string Attribute = "user.containerkit.stat";

    /// <summary>Reads an object's record, if it has one that means something.</summary>
    [SupportedOSPlatform("linux")]
    public static bool TryRead(FileCalls calls, SafeFileHandle directory, FileName name, out OwnerRecord record)
    {
        record = default;
        Span<byte> value = stackalloc byte[96];
        return calls.TryGetAttribute(directory, name, Attribute, value, out var length) == 0 && TryParse(value[..length], out record);
    }

    // Anyone who owns the file can write the attribute, so anything may stand in it.
    public static bool TryParse(ReadOnlySpan<byte> text, out OwnerRecord record)
    {
        record = default;
        Span<Range> ranges = stackalloc Range[7];
        var characters = Encoding.Latin1.GetString(text);
        var count = characters.AsSpan().Split(ranges, ':');
        if (count is not (3 or 6)
            || !TryNumber(characters[ranges[0]], out var user)
            || !TryNumber(characters[ranges[1]], out var group)
            || !TryMode(characters[ranges[2]], out var mode))
        {
            return false;
        }

        if (count == 3)
        {
            record = new OwnerRecord(user, group, mode);
            return true;
        }

        FileKind? kind = characters[ranges[3]] switch { "c" => FileKind.CharacterDevice, "b" => FileKind.BlockDevice, _ => null };
        if (kind is null || !TryNumber(characters[ranges[4]], out var major) || !TryNumber(characters[ranges[5]], out var minor))
        {
            return false;
        }

        record = new OwnerRecord(user, group, mode, kind, major, minor);
        return true;
    }

    public byte[] ToBytes() => Encoding.ASCII.GetBytes(ToString());

    public override string ToString()
    {
        var owner = string.Create(CultureInfo.InvariantCulture, $"{UserId}:{GroupId}:{Convert.ToString(Mode, 8)}");
        return Device is { } kind
            ? string.Create(CultureInfo.InvariantCulture, $"{owner}:{(kind == FileKind.BlockDevice ? 'b' : 'c')}:{Major}:{Minor}")
            : owner;
    }

    private static bool TryNumber(string text, out uint number) => uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    private static bool TryMode(string text, out int mode)
    {
        mode = 0;
        foreach (var digit in text)
        {
            if (digit is < '0' or > '7' || mode > 0xFFF >> 3)
            {
                return false;
            }

            mode = (mode << 3) | (digit - '0');
        }

        return text.Length > 0;
    }
}
