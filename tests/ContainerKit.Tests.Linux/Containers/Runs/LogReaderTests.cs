using System.Text;
using ContainerKit.Containers.Runs;
using ContainerKit.Isolation;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers.Runs;

/// <summary>Logs as a supervisor leaves them, and as a full disk does.</summary>
internal sealed class LogReaderTests
{
    private TemporaryDirectory _directory = null!;

    [SetUp]
    public void MakeDirectory() => _directory = new TemporaryDirectory();

    [TearDown]
    public void RemoveDirectory() => _directory.Dispose();

    [Test]
    public void A_log_that_was_put_aside_is_read_before_the_one_that_took_its_place()
    {
        Write("log.1", Record(1, "first"), Record(2, "second"));
        Write("log", Record(1, "third"));

        Assert.That(Read(), Is.EqualTo(new[] { "1 first", "2 second", "1 third" }));
    }

    [Test]
    public void A_record_that_a_full_disk_has_torn_costs_no_more_than_itself([Range(1, 36)] int left)
    {
        Write("log", Record(1, "before"), Record(1, "torn")[..left], Record(2, "after"), Record(1, "later"));

        var read = Read();

        Assert.That(read, Has.Member("1 before"));
        Assert.That(read[^1], Is.EqualTo("1 later"));
    }

    [Test]
    public void An_end_that_is_not_all_there_yet_is_read_when_it_is()
    {
        var record = Record(1, "whole");
        Write("log", record[..20]);
        using var reader = new LogReader(_directory.Path, follow: false);
        Assert.That(reader.TryRead(out _), Is.False);

        Write("log", record);

        Assert.That(reader.TryRead(out var read), Is.True);
        Assert.That(Encoding.UTF8.GetString(read.Content.Span), Is.EqualTo("whole"));
        Assert.That(read.Time, Is.EqualTo(DateTimeOffset.FromUnixTimeSeconds(1_000_000).AddMilliseconds(5)));
    }

    [Test]
    public void Bytes_that_are_no_log_are_passed_over([Values(1, 31, 32, 33, 5_000, 100_000)] int length)
    {
        var noise = new byte[length];
        new Random(length).NextBytes(noise);
        Write("log", noise, Record(1, "here"));

        Assert.That(Read(), Is.EqualTo(new[] { "1 here" }));
    }

    [Test]
    public async Task A_line_has_the_time_of_its_last_part()
    {
        Write("log", Record(1, "p", 1), Record(1, "q\ntail", 3), Record(1, "x\nend\n", 5));
        var lines = new List<string>();
        await foreach (var line in new ContainerLog(_directory.Path, Task.CompletedTask).ReadLinesAsync(new LogOptions(), CancellationToken.None))
        {
            lines.Add($"{line.Time.ToUnixTimeSeconds()} {line.Content}");
        }

        Assert.That(lines, Is.EqualTo(new[] { "3 pq", "5 tailx", "5 end" }));
    }

    private static byte[] Record(int stream, string content, long time = 1_000_000)
    {
        var bytes = new List<byte>();
        foreach (var number in new[] { time, 5_000_000, SupervisorSteps.RecordMark + stream, content.Length })
        {
            bytes.AddRange(BitConverter.GetBytes(number));
        }

        return [.. bytes, .. Encoding.UTF8.GetBytes(content)];
    }

    private void Write(string name, params byte[][] pieces) => File.WriteAllBytes(_directory[name], [.. pieces.SelectMany(piece => piece)]);

    private List<string> Read()
    {
        using var reader = new LogReader(_directory.Path, follow: false);
        var read = new List<string>();
        while (reader.TryRead(out var record))
        {
            read.Add($"{(record.IsError ? 2 : 1)} {Encoding.UTF8.GetString(record.Content.Span)}");
        }

        return read;
    }
}
