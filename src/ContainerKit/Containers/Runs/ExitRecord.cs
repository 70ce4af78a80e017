using System.Buffers.Binary;
using System.Runtime.Versioning;
using System.Text;
using ContainerKit.Isolation;

namespace ContainerKit.Containers.Runs;

/// <summary>How a named container's last run ended: <c>containers/ID/exit</c>, written by its host, or by its supervisor.</summary>
/// <remarks>
/// Seconds, nanoseconds and a status as wait(2) gives it, in 64-bit numbers; behind them what the control group counts of memory, as the kernel tells it.
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed record ExitRecord(ExitStatus Status, DateTimeOffset Time)
{
    private const int LargestFile = 64 << 10;

    /// <summary>What is written down in a container's directory; null when nothing is.</summary>
    public static ExitRecord? TryRead(string directory)
    {
        byte[] content;
        try
        {
            using var file = File.OpenRead(Path.Combine(directory, SupervisorSteps.ExitName));
            content = new byte[Math.Min(file.Length, LargestFile)];
            content = content[..file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false)];
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }

        return content.Length < SupervisorSteps.ExitHead ? null : Parse(content);
    }

    public static void Erase(string directory)
    {
        File.Delete(Path.Combine(directory, SupervisorSteps.ExitName));
        File.Delete(Path.Combine(directory, SupervisorSteps.UnfinishedExitName));
    }

    public void Write(string directory)
    {
        var memory = Status.OutOfMemory ? "oom_kill 1\n" : "";
        var content = new byte[SupervisorSteps.ExitHead + memory.Length];
        var sinceEpoch = Time - DateTimeOffset.UnixEpoch;
        BinaryPrimitives.WriteInt64LittleEndian(content, (long)sinceEpoch.TotalSeconds);
        BinaryPrimitives.WriteInt64LittleEndian(content.AsSpan(8), sinceEpoch.Ticks % TimeSpan.TicksPerSecond * 100);
        BinaryPrimitives.WriteInt64LittleEndian(content.AsSpan(16), Status.Signal ?? (Status.ExitCode ?? 0) << 8);
        Encoding.ASCII.GetBytes(memory, content.AsSpan(SupervisorSteps.ExitHead));
        var aside = Path.Combine(directory, SupervisorSteps.UnfinishedExitName);
        try
        {
            File.WriteAllBytes(aside, content);
            File.Move(aside, Path.Combine(directory, SupervisorSteps.ExitName), overwrite: true);
        }
        catch (DirectoryNotFoundException)
        {
            // The container has been removed meanwhile.
        }
    }

    // wait(2): the signal in the lowest 7 bits, or the exit code in the 8 above.
    private static ExitRecord Parse(byte[] content)
    {
        var status = (int)BinaryPrimitives.ReadInt64LittleEndian(content.AsSpan(16));
        var time = DateTimeOffset.FromUnixTimeSeconds(BinaryPrimitives.ReadInt64LittleEndian(content)).AddTicks(BinaryPrimitives.ReadInt64LittleEndian(content.AsSpan(8)) / 100);
        var memory = Encoding.ASCII.GetString(content.AsSpan(SupervisorSteps.ExitHead));
        var wasKilled = memory.Split('\n').Any(line => line.Split(' ') is ["oom_kill", var count] && count != "0");
        return new ExitRecord(
            (status & 0x7f) == 0 ? new ExitStatus((status >> 8) & 0xff, null, wasKilled) : new ExitStatus(null, status & 0x7f, wasKilled),
            time);
    }
}
