using System.Globalization;
using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Launch;

/// <summary>
/// Writes the id maps of another process's new user namespace: as root directly, as an ordinary user through the set-user-ID programs
/// newuidmap(1) and newgidmap(1), which allow what /etc/subuid and /etc/subgid grant.
/// </summary>
[SupportedOSPlatform("linux")]
internal static class IdMaps
{
    private static readonly string[] Programs = ["newuidmap", "newgidmap"];
    private static readonly string[] Places = ["/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin", "/run/wrappers/bin"];

    /// <summary>Whether the programs are installed that an ordinary user needs for a range of ids.</summary>
    public static bool AreAvailable => Programs.All(program => Places.Any(directory => File.Exists($"{directory}/{program}")));

    /// <summary>Writes the maps, and tells the process that waits on the other end of the socket.</summary>
    public static async Task GiveAsync(int processId, UserMap map, SafeFileHandle socket, CancellationToken cancellationToken)
    {
        if ((uint)Tmds.Linux.LibC.geteuid() == 0)
        {
            Write($"/proc/{processId}/uid_map", map.Users);
            Write($"/proc/{processId}/gid_map", map.Groups);
        }
        else if (map.IsSingle)
        {
            // An ordinary user may map itself, and itself only, once nobody inside can leave a group whose members are denied something.
            WriteText($"/proc/{processId}/setgroups", "deny");
            Write($"/proc/{processId}/uid_map", map.Users);
            Write($"/proc/{processId}/gid_map", map.Groups);
        }
        else
        {
            await RunAsync("newuidmap", processId, map.Users, cancellationToken).ConfigureAwait(false);
            await RunAsync("newgidmap", processId, map.Groups, cancellationToken).ConfigureAwait(false);
        }

        ProcessCalls.Send(socket, "1"u8);
    }

    // The kernel takes a map in one write, once.
    private static void Write(string path, IReadOnlyList<IdRange> ranges) => WriteText(path, string.Join('\n', ranges) + "\n");

    private static void WriteText(string path, string text)
    {
        using var file = FileCalls.Local.Open(null, path, OpenFlags.Write, resolve: Resolve.Host);
        RandomAccess.Write(file, System.Text.Encoding.ASCII.GetBytes(text), 0);
    }

    private static async Task RunAsync(string program, int processId, IReadOnlyList<IdRange> ranges, CancellationToken cancellationToken)
    {
        var path = Find(program);
        string[] arguments =
        [
            program,
            processId.ToString(CultureInfo.InvariantCulture),
            .. ranges.SelectMany(range => range.ToString().Split(' ')),
        ];
        var (output, theirs) = PipeStream.ForReading();
        await using var reading = output.ConfigureAwait(false);
        using var opened = FileCalls.Local.Open(null, "/dev/null", OpenFlags.ReadWrite, resolve: Resolve.Host);
        using var nothing = ProcessCalls.Raise(opened);
        using var error = ProcessCalls.Raise(theirs);
        theirs.Dispose();
        var child = await Spawner.StartAsync(path, arguments, [nothing, nothing, error]).ConfigureAwait(false);
        error.Dispose();
        using var text = new StreamReader(output);
        string complaint;
        (int Value, bool IsSignal) end;
        try
        {
            complaint = await text.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            // Also of a start that was given up: nobody else would wait for it, ever.
            end = ProcessCalls.Reap(child);
        }

        if (end is not (0, false))
        {
            throw new HostCapabilityException("subordinate-ids", $"The container cannot start: {path} refuses its id map: {complaint.Trim().ReplaceLineEndings("; ")}")
            {
                Hint = "Grant the user a range of ids in /etc/subuid and /etc/subgid: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER.",
            };
        }
    }

    private static string Find(string program) =>
        Places.Select(directory => $"{directory}/{program}").FirstOrDefault(File.Exists)
        ?? throw new HostCapabilityException("subordinate-ids", $"The container cannot start: a range of ids needs the program {program}, which is not installed.")
        {
            Hint = "Install the package 'uidmap' (Debian, Ubuntu) or 'shadow-utils' (Fedora).",
        };
}
