using System.Text;

namespace ContainerKit.Linux;

/// <summary>One line of <c>/proc/PID/mountinfo</c>. proc(5)</summary>
/// <param name="Root">Which part of the file system is mounted, as a path in it.</param>
/// <param name="Target">Where.</param>
/// <param name="Options">The mount's own options.</param>
/// <param name="Type">The file system's type.</param>
/// <param name="Source">What was mounted.</param>
/// <param name="SuperOptions">The file system's options, the same for all its mounts.</param>
internal sealed record MountInfo(
    string Root, string Target, IReadOnlyList<string> Options, string Type, string Source, IReadOnlyList<string> SuperOptions)
{
    /// <summary>Its number, as <c>/proc/PID/fdinfo</c> says it of what lies on it.</summary>
    public string Id { get; init; } = "";

    /// <summary>What it passes on and receives: <c>shared:N</c>, <c>master:N</c>; empty for a private one.</summary>
    public IReadOnlyList<string> Propagation { get; init; } = [];

    /// <summary>Reads the file's text. Lines that are not mounts, which the kernel never writes, are left out.</summary>
    public static IReadOnlyList<MountInfo> Parse(string text)
    {
        var mounts = new List<MountInfo>();
        foreach (var line in text.Split('\n'))
        {
            // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
            var words = line.Split(' ');
            var separator = Array.IndexOf(words, "-", Math.Min(6, words.Length));
            if (separator < 0 || words.Length < separator + 4)
            {
                continue;
            }

            mounts.Add(new MountInfo(
                Unescape(words[3]), Unescape(words[4]), words[5].Split(','), words[separator + 1], Unescape(words[separator + 2]), words[separator + 3].Split(','))
            {
                Id = words[0],
                Propagation = words[6..separator],
            });
        }

        return mounts;
    }

    /// <summary>The type of the file system that has a device number, as <see cref="FileStat.Device"/> has it; null when it is not mounted here.</summary>
    public static string? TypeOf(string text, ulong device)
    {
        var number = $" {device >> 32}:{device & uint.MaxValue} ";
        var line = text.Split('\n').FirstOrDefault(line => line.Contains(number, StringComparison.Ordinal) && line.Split(' ') is [_, _, var third, ..] && number == $" {third} ");
        return line is null ? null : Parse(line)[0].Type;
    }

    /// <summary>Those that can be seen: a later mount on the same place hides an earlier one.</summary>
    public static IEnumerable<MountInfo> Visible(IReadOnlyList<MountInfo> mounts) =>
        mounts.Reverse().DistinctBy(m => m.Target).Reverse();

    // The kernel writes space, tab, newline and backslash as three octal digits.
    private static string Unescape(string text)
    {
        if (!text.Contains('\\', StringComparison.Ordinal))
        {
            return text;
        }

        var plain = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\' && i + 3 < text.Length && text.AsSpan(i + 1, 3).IndexOfAnyExceptInRange('0', '7') < 0)
            {
                plain.Append((char)(((text[i + 1] - '0') * 64) + ((text[i + 2] - '0') * 8) + (text[i + 3] - '0')));
                i += 3;
            }
            else
            {
                plain.Append(text[i]);
            }
        }

        return plain.ToString();
    }
}
