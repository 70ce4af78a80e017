namespace ContainerKit.Content;

/// <summary>
/// Puts a file in the place of another that others may have open. Unix does it at once; Windows refuses for as long as somebody reads
/// the old one (or a virus scanner the new one), and its readers meet the same for a moment. Both are waited for, and not for ever.
/// </summary>
internal static class FileReplacement
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(25);

    /// <summary>Renames a file, over whatever has its new name.</summary>
    /// <exception cref="IOException">It cannot be; on Windows, also when the old file stayed open for 20 seconds.</exception>
    /// <exception cref="UnauthorizedAccessException">It is not allowed; on Windows, also when the old file stayed open for 20 seconds.</exception>
    public static void Move(string from, string to) => Try(() =>
    {
        File.Move(from, to, overwrite: true);
        return true;
    });

    /// <summary>Opens a file that others replace, for reading.</summary>
    public static FileStream OpenRead(string path) => Try(() => new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 1));

    private static T Try<T>(Func<T> attempt)
    {
        var started = Environment.TickCount64;
        for (var pause = FirstPause; ; pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, LongestPause.Ticks)))
        {
            try
            {
                return attempt();
            }
            catch (Exception e) when (OperatingSystem.IsWindows() && MayPass(e) && Environment.TickCount64 - started < Patience.TotalMilliseconds)
            {
                Thread.Sleep(pause);
            }
        }
    }

    private static bool MayPass(Exception e) => e is UnauthorizedAccessException || e.GetType() == typeof(IOException);
}
