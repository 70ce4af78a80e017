using System.CommandLine;
using System.CommandLine.Parsing;
using Ckit.CommandLine;
using ContainerKit.Isolation;

namespace Ckit.Commands;

/// <summary>What a container may use of the machine, in docker's spelling.</summary>
internal sealed class LimitFlags
{
    // Docker's shares are control groups version 1's: 1024 is what others have, and 100 on the library's scale.
    private const int UsualShares = 1024, UsualWeight = 100, HeaviestWeight = 10_000, LightestIo = 10, HeaviestIo = 1000;

    private readonly Option<long?> _memory = new("--memory", "-m") { Description = "The most memory, such as 64m or 1g.", HelpName = "BYTES", CustomParser = Sizes.Parse };
    private readonly Option<long?> _swap = new("--memory-swap") { Description = "The most memory and swap together; -1 for any amount of swap.", HelpName = "BYTES", CustomParser = ParseSwap };
    private readonly Option<long?> _reservation = new("--memory-reservation") { Description = "The memory that it keeps while others can give theirs back.", HelpName = "BYTES", CustomParser = Sizes.Parse };
    private readonly Option<double?> _cpus = new("--cpus") { Description = "The most processor time, in processors: 0.5 is half of one, 0 is no limit.", HelpName = "NUMBER" };
    private readonly Option<int?> _shares = new("--cpu-shares", "-c") { Description = "The share of processor time under contention; 1024 is what others have.", HelpName = "NUMBER" };
    private readonly Option<string?> _processors = new("--cpuset-cpus") { Description = "The processors to run on, such as 0-2,5.", HelpName = "LIST" };
    private readonly Option<string?> _nodes = new("--cpuset-mems") { Description = "The memory nodes to allocate from, such as 0-1.", HelpName = "LIST" };
    private readonly Option<int?> _processes = new("--pids-limit") { Description = "The most processes and threads; -1 for any number.", HelpName = "NUMBER" };

    private readonly Option<int?> _ioWeight = new("--blkio-weight") { Description = "The share of reading and writing under contention, from 10 to 1000.", HelpName = "NUMBER" };
    private readonly Option<string[]> _readBytes = Rate("--device-read-bps", "Bytes that may be read from a device in a second, such as /dev/sda:1m.");
    private readonly Option<string[]> _writeBytes = Rate("--device-write-bps", "Bytes that may be written to a device in a second.");
    private readonly Option<string[]> _reads = Rate("--device-read-iops", "Requests to read from a device in a second.");
    private readonly Option<string[]> _writes = Rate("--device-write-iops", "Requests to write to a device in a second.");

    public IEnumerable<Option> All =>
        [_memory, _swap, _reservation, _cpus, _shares, _processors, _nodes, _processes, _ioWeight, _readBytes, _writeBytes, _reads, _writes];

    /// <summary>What was asked for; null when nothing was.</summary>
    public ResourceLimits? Read(ParseResult line)
    {
        var limits = new ResourceLimits
        {
            MemoryBytes = line.GetValue(_memory),
            MemorySwapBytes = line.GetValue(_swap),
            MemoryReservationBytes = line.GetValue(_reservation),
            CpuQuota = Processors(line.GetValue(_cpus)),
            CpuWeight = Weight(line.GetValue(_shares)),
            CpuSet = line.GetValue(_processors),
            MemoryNodes = line.GetValue(_nodes),
            Pids = line.GetValue(_processes) is { } processes and not (0 or -1) ? processes : null,
            IoWeight = IoWeight(line.GetValue(_ioWeight)),
            Io = DevicesOf(line),
        };
        return limits == ResourceLimits.None ? null : limits;
    }

    /// <summary><c>nofile=1024</c>, the same for both, or <c>nofile=1024:2048</c>.</summary>
    public static ContainerBuilder ResourceLimit(ContainerBuilder container, string limit) => limit.Split('=', ':') switch
    {
        [var name, var soft] when Number(soft) is { } both => container.WithResourceLimit(name, both),
        [var name, var soft, var hard] when Number(soft) is { } first && Number(hard) is { } last =>
            first <= last ? container.WithResourceLimit(name, first, last) : throw new UsageException($"'{limit}' is no limit: {soft} is more than {hard}."),
        _ => throw new UsageException($"'{limit}' is no limit: write NAME=SOFT or NAME=SOFT:HARD, such as nofile=1024:2048."),
    };

    private static ulong? Number(string text) => text is "-1" or "unlimited" ? ulong.MaxValue
        : ulong.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number) ? number : null;

    private List<IoLimit>? DevicesOf(ParseResult line)
    {
        IoLimit[] limits =
        [
            .. Each(_readBytes, (device, rate) => new IoLimit { Device = device, ReadBytesPerSecond = rate }),
            .. Each(_writeBytes, (device, rate) => new IoLimit { Device = device, WriteBytesPerSecond = rate }),
            .. Each(_reads, (device, rate) => new IoLimit { Device = device, ReadOperationsPerSecond = rate }),
            .. Each(_writes, (device, rate) => new IoLimit { Device = device, WriteOperationsPerSecond = rate }),
        ];
        return limits.Length == 0 ? null : [.. limits];

        IEnumerable<IoLimit> Each(Option<string[]> option, Func<string, long, IoLimit> make) => (line.GetValue(option) ?? []).Select(text =>
            text.LastIndexOf(':') is > 0 and var at && Sizes.TryParse(text[(at + 1)..], out var rate)
                ? make(text[..at], rate)
                : throw new UsageException($"'{text}' limits no device: write DEVICE:RATE, such as /dev/sda:1m."));
    }

    // docker's scale ends at 1000, the library's at 10,000.
    private static int? IoWeight(int? weight) => weight switch
    {
        null or 0 => null,
        >= LightestIo and <= HeaviestIo => 1 + ((weight - LightestIo) * (HeaviestWeight - 1) / (HeaviestIo - LightestIo)),
        _ => throw new UsageException($"A weight of reading and writing is from 10 to 1000, and not {weight}."),
    };

    private static Option<string[]> Rate(string name, string description) => new(name) { Description = description, HelpName = "DEVICE:RATE" };

    // As with docker, 0 is no limit.
    private static double? Processors(double? number) => number switch
    {
        null or 0 => null,
        > 0 => number,
        _ => throw new UsageException($"There cannot be {number} processors; 0.5 is half of one, and 0 is no limit."),
    };

    private static int? Weight(int? shares) => shares is null or 0 ? null
        : shares < 0 ? throw new UsageException($"There cannot be {shares} shares; 1024 is what others have.")
        : Math.Clamp((int)((long)shares * UsualWeight / UsualShares), 1, HeaviestWeight);

    private static long? ParseSwap(ArgumentResult argument) => argument.Tokens is [{ Value: "-1" }] ? -1 : Sizes.Parse(argument);
}
