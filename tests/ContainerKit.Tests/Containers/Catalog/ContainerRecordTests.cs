using System.Text.Json;
using System.Text.Json.Nodes;
using ContainerKit.Containers;
using ContainerKit.Containers.Catalog;
using ContainerKit.Isolation;

namespace ContainerKit.Tests.Containers.Catalog;

public sealed class ContainerRecordTests
{
    private static readonly ContainerRecord Full = new()
    {
        Id = new string('a', 64),
        Name = "web",
        Created = new DateTimeOffset(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero),
        ImageReference = "debian:12",
        ImageDigest = "sha256:" + new string('b', 64),
        ParentSnapshot = new string('c', 64),
        Driver = "overlay",
        Options = new ContainerOptions
        {
            Name = "web",
            Entrypoint = ["/entry", "\u0001 \"quoted\" ü"],
            Command = ["run", ""],
            Environment = [new("KEY", "value=1"), new("EMPTY", "")],
            WorkingDirectory = "/work",
            User = "1000:1000",
            Hostname = "web",
            IsReadOnly = true,
            Limits = new ResourceLimits
            {
                MemoryBytes = 1L << 40,
                MemorySwapBytes = -1,
                MemoryReservationBytes = 1 << 20,
                CpuQuota = 0.5,
                CpuWeight = 50,
                CpuSet = "0-2,5",
                MemoryNodes = "0",
                Pids = 64,
                IoWeight = 200,
                Io = [new IoLimit { Device = "/dev/sda", ReadBytesPerSecond = 1, WriteBytesPerSecond = 2, ReadOperationsPerSecond = 3, WriteOperationsPerSecond = 4 }],
                HugePages = new Dictionary<string, long> { ["2MB"] = 4 << 20 },
            },
            LimitsAreBestEffort = true,
            HasStatistics = true,
            Terminal = new TerminalSize(100, 30),
            HasInit = true,
            HasOpenInput = true,
            IsRemovedAtEnd = true,
            Restart = RestartKind.OnFailure,
            MaximumRestarts = 3,
            HealthCheck = HealthCheck.Shell("test -e /up") with { Interval = TimeSpan.FromSeconds(1) },
            Mounts = [new Mount("bind", "/from", "/to", ["ro", "nosuid"])],
            Network = NetworkMode.Host,
            NetworkName = "backend",
            PublishedPorts = [new PublishedPort("127.0.0.1", 8080, 80)],
            AddedCapabilities = ["CAP_SYS_ADMIN"],
            DroppedCapabilities = ["ALL"],
            SeccompProfile = """{"defaultAction":"SCMP_ACT_ALLOW"}""",
            AppArmorProfile = "web-server",
            SelinuxLabel = "system_u:system_r:container_t:s0",
            AllowsNewPrivileges = true,
            Devices = [new DeviceMapping("/dev/fuse", "/dev/inside")],
            ResourceLimits = [new ResourceLimit("nofile", 1024, ulong.MaxValue)],
            ExitCheck = ExitCheck.None,
            MaxCapturedBytes = 4096,
        },
        Image = new ImageDefaults
        {
            Environment = ["PATH=/bin"],
            Entrypoint = ["/init"],
            Command = ["sh"],
            WorkingDirectory = "/",
            User = "nobody",
            StopSignal = "SIGINT",
            HealthCheck = HealthCheck.Command("/check", "it"),
        },
    };

    /// <summary>A member that somebody adds to a record and not to its writer is missed here, as long as it is set above.</summary>
    [Test]
    public void What_is_written_is_what_the_serializer_would_write()
    {
        var expected = JsonSerializer.SerializeToNode(Full, ContainerRecordJson.Default.ContainerRecord)!;

        var written = JsonNode.Parse(ContainerRecordWriter.Write(Full).Span)!;

        Assert.That(JsonNode.DeepEquals(written, expected), written.ToJsonString() + "\n" + expected.ToJsonString());
    }

    [Test]
    public void No_member_of_the_full_record_is_left_at_its_default()
    {
        var members = JsonSerializer.SerializeToNode(Full, ContainerRecordJson.Default.ContainerRecord)!;

        Assert.Multiple(() =>
        {
            Assert.That(members.AsObject(), Has.Count.EqualTo(PropertiesOf(typeof(ContainerRecord), nameof(ContainerRecord.Label))));
            Assert.That(members["Options"]!.AsObject(), Has.Count.EqualTo(PropertiesOf(typeof(ContainerOptions), nameof(ContainerOptions.StandardInput), nameof(ContainerOptions.Pull), nameof(ContainerOptions.Readiness), nameof(ContainerOptions.IgnoresImageVolumes))));
            Assert.That(members["Image"]!.AsObject(), Has.Count.EqualTo(PropertiesOf(typeof(ImageDefaults))));
        });
    }

    [Test]
    public void A_record_with_nothing_but_the_necessary_comes_back_as_it_was()
    {
        var small = new ContainerRecord
        {
            Id = new string('a', 64),
            Created = DateTimeOffset.UnixEpoch,
            ImageReference = "scratch",
            ImageDigest = Full.ImageDigest,
            ParentSnapshot = null,
            Driver = "vfs",
            Options = new ContainerOptions(),
            Image = new ImageDefaults(),
        };

        var read = JsonSerializer.Deserialize(ContainerRecordWriter.Write(small).Span, ContainerRecordJson.Default.ContainerRecord)!;

        Assert.That(ContainerRecordWriter.Write(read).ToArray(), Is.EqualTo(ContainerRecordWriter.Write(small).ToArray()));
    }

    private static int PropertiesOf(Type type, params string[] left) => type.GetProperties().Count(property => !left.Contains(property.Name) && property.Name != "EqualityContract");
}
