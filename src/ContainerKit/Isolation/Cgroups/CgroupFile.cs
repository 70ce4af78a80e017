using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using ContainerKit.Linux;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace ContainerKit.Isolation.Cgroups;

/// <summary>Reads and writes the files of a group, each of which holds one setting or one count.</summary>
[SupportedOSPlatform("linux")]
internal static class CgroupFile
{
    /// <summary>Writes a setting. The kernel takes it in one write or not at all, and never makes a file.</summary>
    public static unsafe void Write(string directory, string name, string value)
    {
        var path = Path.Combine(directory, name);
        var errno = FileCalls.Local.TryOpen(null, path, OpenFlags.Write | OpenFlags.Truncate, 0, Resolve.Host, out var file);
        if (errno == 0)
        {
            var bytes = Encoding.ASCII.GetBytes(value);
            fixed (byte* data = bytes)
            {
                errno = write((int)file.DangerousGetHandle(), data, (size_t)bytes.Length) < 0 ? Marshal.GetLastPInvokeError() : 0;
            }

            file.Dispose();
        }

        LinuxException.ThrowIf(errno, $"write '{value}' to '{path}'");
    }

    /// <summary>What a file says, without the last line's end; null when it is not there, or its group is gone.</summary>
    public static string? TryRead(string directory, string name)
    {
        try
        {
            return File.ReadAllText(Path.Combine(directory, name)).TrimEnd('\n');
        }
        catch (IOException)
        {
            // ENODEV too: the group went away between opening and reading.
            return null;
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The number that a file holds; null when it is not there, or says <c>max</c>.</summary>
    public static long? TryReadNumber(string directory, string name) => ToNumber(TryRead(directory, name));

    /// <summary>The number after a word in a file of lines such as <c>oom_kill 1</c>.</summary>
    public static long? TryReadNumber(string directory, string name, string key)
    {
        var line = TryRead(directory, name)?.Split('\n').FirstOrDefault(l => l.StartsWith(key + " ", StringComparison.Ordinal));
        return ToNumber(line?[(key.Length + 1)..]);
    }

    /// <summary>The words in a file, such as <c>cpu memory pids</c>.</summary>
    public static IReadOnlySet<string> ReadWords(string directory, string name) =>
        (TryRead(directory, name) ?? "").Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries).ToHashSet();

    public static bool Exists(string directory, string name) => File.Exists(Path.Combine(directory, name));

    // Some version 1 files hold unsigned numbers that mean "no limit".
    private static long? ToNumber(string? text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? (long)Math.Min(number, long.MaxValue) : null;
}
