using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace ContainerKit.Tests.Linux.Storage.Aufs;

/// <summary>Performs a scenario's operations, one after the other, with what they leave open.</summary>
internal sealed partial class GuestSession : IDisposable
{
    /// <summary>What an operation that shows nothing shows.</summary>
    private const string Nothing = "";

    private readonly Dictionary<string, Func<JsonElement, JsonElement, string>> _verbs;
    private readonly Dictionary<string, int> _descriptors = [];
    private readonly Dictionary<string, (nint Address, int Length)> _mappings = [];
    private readonly InodeNumbers _inodes = new();
    private readonly long _now;

    public GuestSession(UnionProgram program, long now)
    {
        (_program, _now) = (program, now);
        _verbs = new Dictionary<string, Func<JsonElement, JsonElement, string>>()
        {
            ["as"] = AsUser,
            ["sleep"] = Sleep,
            ["exec"] = Execute,
            ["chdir"] = (op, _) => Done(GuestCalls.chdir(op[1].GetString()!)),
            ["dropcaches"] = (_, _) => DropCaches(),
        };
        AddNames();
        AddMetadata();
        AddListings();
        AddDescriptors();
        AddMounts();
    }

    /// <summary>Does one thing.</summary>
    /// <param name="operation">What.</param>
    /// <param name="recorded">What the recording shows, from which only the names of inodes are taken.</param>
    /// <returns>What it showed.</returns>
    /// <exception cref="GuestException">The file system refused.</exception>
    public string Do(JsonElement operation, JsonElement recorded) => _verbs[operation[0].GetString()!](operation, recorded);

    /// <summary>Closes all that was opened.</summary>
    public void Close()
    {
        foreach (var (address, length) in _mappings.Values)
        {
            _ = GuestCalls.munmap(address, (nuint)length);
        }

        foreach (var descriptor in _descriptors.Values)
        {
            _ = GuestCalls.close(descriptor);
        }

        _mappings.Clear();
        _descriptors.Clear();
    }

    public void Dispose() => Close();

    /// <summary>Where a path of the scenarios leads: below the mount, or with an @ into a branch.</summary>
    private static string PathOf(JsonElement argument)
    {
        var path = RepeatedLetter().Replace(argument.GetString()!, match => new string(match.Groups[1].Value[0], int.Parse(match.Groups[2].Value)));
        return path switch
        {
            ['/', ..] => path,
            ['@', .. var inBranch] => "/b/" + inBranch,
            "." => MountPoint,
            _ => $"{MountPoint}/{path}",
        };
    }

    private static string Done(long result) =>
        result < 0 ? throw new GuestException(Marshal.GetLastPInvokeError()) : Nothing;

    private static byte[] BytesOf(JsonElement text) => Encoding.UTF8.GetBytes(text.GetString()!);

    private static bool Has(JsonElement operation, int argument) => operation.GetArrayLength() > argument;

    private string AsUser(JsonElement operation, JsonElement recorded)
    {
        GuestCalls.BecomeUser(operation[1].GetInt32(), operation[2].GetInt32());
        try
        {
            return Do(operation[3], recorded);
        }
        finally
        {
            GuestCalls.BecomeRoot();
        }
    }

    private static string Sleep(JsonElement operation, JsonElement recorded)
    {
        Thread.Sleep(TimeSpan.FromSeconds(operation[1].GetDouble()));
        return Nothing;
    }

    private static string DropCaches()
    {
        // What was used of late only loses that mark the first time; and a server hears of what is forgotten a moment later.
        File.WriteAllText("/proc/sys/vm/drop_caches", "2");
        File.WriteAllText("/proc/sys/vm/drop_caches", "2");
        Thread.Sleep(TimeSpan.FromMilliseconds(200));
        return Nothing;
    }

    [GeneratedRegex(@"<(.)\*(\d+)>")]
    private static partial Regex RepeatedLetter();
}
