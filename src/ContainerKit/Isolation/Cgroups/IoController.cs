using System.Globalization;
using System.Runtime.Versioning;
using ContainerKit.Linux;

namespace ContainerKit.Isolation.Cgroups;

/// <summary>Reading and writing of block devices: a ceiling for each device, and a share under contention.</summary>
[SupportedOSPlatform("linux")]
internal sealed class IoController : CgroupController
{
    // BFQ's scale ends there; as on the other, 100 is what others have.
    private const int HeaviestOfBfq = 1000;

    public override string Name => "io";

    public override string NameInVersion1 => "blkio";

    public override bool IsAskedFor(ResourceLimits limits) => limits.IoWeight is not null || limits.Io is { Count: > 0 };

    public override void Apply(string directory, CgroupVersion version, ResourceLimits limits)
    {
        if (limits.IoWeight is { } weight)
        {
            ApplyWeight(directory, version, weight);
        }

        foreach (var limit in limits.Io ?? [])
        {
            ApplyLimit(directory, version, NumbersOf(limit.Device), limit);
        }
    }

    public override ContainerStats Read(string directory, CgroupVersion version, ContainerStats stats)
    {
        // 254:0 rbytes=4096 wbytes=0 …; or, in version 1, 254:0 Read 4096
        var lines = CgroupFile.TryRead(directory, version == CgroupVersion.V1 ? "blkio.throttle.io_service_bytes_recursive" : "io.stat")?.Split('\n');
        return lines is null ? stats : stats with
        {
            IoReadBytes = Sum(lines, version == CgroupVersion.V1 ? "Read " : "rbytes="),
            IoWrittenBytes = Sum(lines, version == CgroupVersion.V1 ? "Write " : "wbytes="),
        };
    }

    private static void ApplyWeight(string directory, CgroupVersion version, int weight)
    {
        var ofBfq = Text(Math.Min(weight, HeaviestOfBfq));
        if (version == CgroupVersion.V1)
        {
            CgroupFile.Write(directory, "blkio.bfq.weight", ofBfq);
        }
        else if (CgroupFile.Exists(directory, "io.bfq.weight") && !CgroupFile.Exists(directory, "io.weight"))
        {
            CgroupFile.Write(directory, "io.bfq.weight", ofBfq);
        }
        else
        {
            CgroupFile.Write(directory, "io.weight", $"default {Text(weight)}");
        }
    }

    private static void ApplyLimit(string directory, CgroupVersion version, string device, IoLimit limit)
    {
        (string Unified, string Old, long? Number)[] parts =
        [
            ("rbps", "read_bps_device", limit.ReadBytesPerSecond),
            ("wbps", "write_bps_device", limit.WriteBytesPerSecond),
            ("riops", "read_iops_device", limit.ReadOperationsPerSecond),
            ("wiops", "write_iops_device", limit.WriteOperationsPerSecond),
        ];
        foreach (var (unified, old, number) in parts.Where(part => part.Number is not null))
        {
            var (file, line) = version == CgroupVersion.V1 ? ($"blkio.throttle.{old}", $"{device} {Text(number!.Value)}") : ("io.max", $"{device} {unified}={Text(number!.Value)}");
            CgroupFile.Write(directory, file, line);
        }
    }

    private static string NumbersOf(string device)
    {
        using var node = FileCalls.Local.Open(null, device, OpenFlags.PathOnly, resolve: Resolve.Host);
        var stat = FileCalls.Local.Stat(node);
        return stat.Kind == FileKind.BlockDevice
            ? string.Create(CultureInfo.InvariantCulture, $"{stat.DeviceMajor}:{stat.DeviceMinor}")
            : throw new LinuxException(Errno.ENOTBLK, $"limit '{device}'");
    }

    private static long Sum(string[] lines, string key) => lines
        .Select(line => line.IndexOf(key, StringComparison.Ordinal) is >= 0 and var at ? line[(at + key.Length)..].Split(' ')[0] : "")
        .Sum(text => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
