using System.Text;

namespace Ckit.CommandLine;

/// <summary>This program as mount(8)'s helper for the type <c>ckunion</c>: <c>mount.ckunion SOURCE MOUNTPOINT [-sfnv] [-o [remount,]OPTIONS] [-t TYPE]</c>.</summary>
internal static class MountHelper
{
    private const string Name = "mount.ckunion";

    // mount(8) looks for a helper of this name when a union is to be remounted: what is mounted has the type fuse.ckunion.
    private const string NameForMounted = "mount.fuse.ckunion";

    // mount(8), "Exit status".
    private const int WrongUsage = 1, MountFailed = 32;

    /// <summary>Whether this process was started under the helper's name.</summary>
    public static bool IsMeant
    {
        get
        {
            // .NET tells the path of the program, and not the name that it was called by.
            var commandLine = File.ReadAllBytes("/proc/self/cmdline").AsSpan();
            return Path.GetFileName(Encoding.UTF8.GetString(commandLine[..commandLine.IndexOf((byte)0)])) is Name or NameForMounted;
        }
    }

    public static async Task<int> RunAsync(string[] arguments)
    {
        var isUnderstood = false;
        try
        {
            var (mountPoint, options, isFake) = Parse(arguments);
            isUnderstood = true;
            if (isFake)
            {
                return 0;
            }

            var words = options.Split(',', StringSplitOptions.RemoveEmptyEntries);
            if (!words.Contains("remount"))
            {
                return await UnionService.StartAsync(mountPoint, options, CancellationToken.None);
            }

            await MountedUnion.RemountAsync(mountPoint, string.Join(',', words.Where(word => !IsOfMounted(word))));
            return 0;
        }
        catch (Exception e)
        {
            Failure.Report(e);
            return isUnderstood ? MountFailed : WrongUsage;
        }
    }

    // mount(8) adds what it finds in the mount's line of /proc/self/mountinfo.
    private static bool IsOfMounted(string word) =>
        word is "remount" or "default_permissions" or "allow_other" || word.StartsWith("user_id=", StringComparison.Ordinal) || word.StartsWith("group_id=", StringComparison.Ordinal);

    private static (string MountPoint, string Options, bool IsFake) Parse(string[] arguments)
    {
        var (places, options, isFake) = (new List<string>(), new List<string>(), false);
        for (var i = 0; i < arguments.Length; i++)
        {
            switch (arguments[i])
            {
                case "-o" or "-t" or "-N" when i == arguments.Length - 1:
                    throw new UsageException($"{arguments[i]} needs a value.");
                case "-o":
                    options.Add(arguments[++i]);
                    break;
                case "-t":
                    i++;
                    break;
                case "-N":
                    throw new UsageException("A union is mounted in the mount namespace of its server only.");
                case ['-', _, ..] flags when flags.AsSpan(1).IndexOfAnyExcept("sfnv") < 0:
                    isFake |= flags.Contains('f', StringComparison.Ordinal);
                    break;
                case ['-', _, ..] unknown:
                    throw new UsageException($"There is no option '{unknown}'.");
                case var place:
                    places.Add(place);
                    break;
            }
        }

        return places is [_, var mountPoint]
            ? (mountPoint, string.Join(',', options), isFake)
            : throw new UsageException($"Usage: {Name} SOURCE MOUNTPOINT [-sfnv] [-o OPTIONS].");
    }
}
