using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using ContainerKit.Isolation;

namespace ContainerKit.Containers.Runs;

/// <summary>
/// What is written down about a container's restarts, by its host or its supervisor: <c>containers/ID/restarts</c>, one byte for each, and <c>containers/ID/stopped</c>; and for a supervisor
/// alone, <c>containers/ID/policy</c>, which <see cref="RestartSteps"/> describes.
/// </summary>
[SupportedOSPlatform("linux")]
internal static class RestartFiles
{
    /// <summary>How often it was started again since somebody started it.</summary>
    public static int Count(string directory) => Find(directory) is { } file ? (int)Math.Min(file.Length, int.MaxValue) : 0;

    /// <summary>When it was last started again; null when it never was.</summary>
    public static DateTimeOffset? Last(string directory) => Find(directory) is { Length: > 0 } file ? file.LastWriteTimeUtc : null;

    /// <summary>Writes down one more.</summary>
    public static void Add(string directory)
    {
        try
        {
            File.AppendAllText(Path.Combine(directory, RestartSteps.CountName), "+");
        }
        catch (DirectoryNotFoundException)
        {
            // The container has been removed meanwhile.
        }
    }

    /// <summary>Says that somebody wants it to end, so that nobody starts it again.</summary>
    public static void Stop(string directory)
    {
        try
        {
            File.WriteAllBytes(Path.Combine(directory, RestartSteps.StoppedName), []);
        }
        catch (DirectoryNotFoundException)
        {
            // The container has been removed meanwhile.
        }
    }

    /// <summary>Whether somebody wants it to end.</summary>
    public static bool IsStopped(string directory) => File.Exists(Path.Combine(directory, RestartSteps.StoppedName));

    /// <summary>Whether its supervisor has started it again, or may do so.</summary>
    public static bool IsSupervised(string directory) => File.Exists(PolicyOf(directory)) || Count(directory) > 0;

    /// <summary>Tells its supervisor when it is started again from now on.</summary>
    public static void WritePolicy(string directory, RestartPolicy policy)
    {
        if (policy.Kind == RestartKind.No)
        {
            File.Delete(PolicyOf(directory));
            return;
        }

        var aside = Path.Combine(directory, "." + RestartSteps.PolicyName);
        using (var file = new FileStream(aside, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0))
        {
            Span<long> head = [policy.Kind == RestartKind.OnFailure ? 1 : 0, policy.MaximumRetries is null ? 0 : 1];
            file.Write(MemoryMarshal.AsBytes(head));

            // A hole, however many there are.
            file.SetLength(RestartSteps.PolicyHead + (policy.MaximumRetries ?? 0));
        }

        File.Move(aside, PolicyOf(directory), overwrite: true);
    }

    /// <summary>Begins anew, before somebody starts it.</summary>
    public static void Erase(string directory)
    {
        File.Delete(Path.Combine(directory, RestartSteps.CountName));
        File.Delete(Path.Combine(directory, RestartSteps.StoppedName));
        File.Delete(PolicyOf(directory));
    }

    private static string PolicyOf(string directory) => Path.Combine(directory, RestartSteps.PolicyName);

    private static FileInfo? Find(string directory) => new FileInfo(Path.Combine(directory, RestartSteps.CountName)) is { Exists: true } file ? file : null;
}
