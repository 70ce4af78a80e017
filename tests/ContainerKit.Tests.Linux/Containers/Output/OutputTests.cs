using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using ContainerKit.Linux;

namespace ContainerKit.Tests.Linux.Containers.Output;

/// <summary>What programs write, as it is read: by pieces, by lines, slowly, and while something is written to them.</summary>
internal sealed class OutputTests : ContainerFixture
{
    private const int Plenty = 32 << 20;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Test]
    public async Task While_nobody_reads_the_program_waits_and_afterwards_all_has_come()
    {
        await using var running = await Host.Container(Tools).WithCommand("dd", "if=/dev/zero", "bs=4096", $"count={Plenty / 4096}", "status=none").StartAsync();

        var kept = await SettledWritesAsync(running.ProcessId);
        var read = await CountAsync(running.OutputReader);

        Assert.That(kept, Is.LessThan(2 << 20));
        Assert.That(read, Is.EqualTo(Plenty));
        Assert.That((await running.WaitForExitAsync()).ExitCode, Is.Zero);
    }

    [Test]
    public async Task A_reader_that_stops_half_way_makes_the_program_wait_again()
    {
        await using var running = await Host.Container(Tools).WithCommand("sleep", "1000").StartAsync();
        await using var program = await running.StartExecAsync(["dd", "if=/dev/zero", "bs=4096", $"count={Plenty / 4096}", "status=none"]);

        var read = await CountAsync(program.OutputReader, atLeast: Plenty / 2);
        var written = await SettledWritesAsync(WriterOf(program));

        Assert.That(written - read, Is.LessThan(2 << 20));
        Assert.That(read + await CountAsync(program.OutputReader), Is.EqualTo(Plenty));
    }

    [Test]
    public async Task Both_outputs_have_a_reader_of_their_own()
    {
        await using var running = await Shell("echo out; echo error >&2").StartAsync();

        Assert.That((await TextAsync(running.OutputReader), await TextAsync(running.ErrorReader)), Is.EqualTo(("out\n", "error\n")));
    }

    [Test]
    public async Task What_is_written_to_a_further_program_comes_back_while_it_is_written()
    {
        await using var running = await Host.Container(Tools).WithCommand("sleep", "1000").StartAsync();
        await using var program = await running.StartExecAsync(["cat"]);

        // Much more than fits into two pipes: with nobody reading, the writer would wait for ever.
        var reading = CountAsync(program.OutputReader);
        for (var sent = 0; sent < Plenty; sent += 1 << 16)
        {
            await program.StandardInput.WriteAsync(new byte[1 << 16]).AsTask().WaitAsync(Patience);
        }

        Assert.That(reading.IsCompleted, Is.False);
        await program.StandardInput.DisposeAsync();
        Assert.That(await reading.WaitAsync(Patience), Is.EqualTo(Plenty));
        Assert.That((await program.WaitForExitAsync()).ExitCode, Is.Zero);
    }

    [TestCase("while true; do echo more; done")]
    [TestCase("while true; do echo more >&2; done")]
    public async Task A_further_program_that_writes_more_than_is_kept_is_an_error_and_ends(string script)
    {
        await using var running = await Host.Container(Tools).WithCommand("sleep", "1000").WithMaxCapturedBytes(100_000).StartAsync();

        Assert.That(
            () => running.ExecAsync(["sh", "-c", script]).WaitAsync(Patience),
            Throws.TypeOf<ContainerKitException>().With.Message.Contains("100000 bytes"));
        Assert.That((await running.ExecAsync(["sh", "-c", "ps | grep -c '[e]cho more'"])).StandardOutput, Is.EqualTo("0\n"));
    }

    [Test]
    public async Task Lines_of_a_further_program_come_one_by_one_as_they_are_answered()
    {
        await using var running = await Host.Container(Tools).WithCommand("sleep", "1000").StartAsync();
        await using var program = await running.StartExecAsync(["sh", "-c", "while read -r line; do echo \"<$line>\"; done; echo over >&2"]);
        await using var lines = program.ReadLinesAsync().GetAsyncEnumerator();
        var heard = new List<string>();
        foreach (var word in (string[])["one", "two"])
        {
            await program.StandardInput.WriteAsync(Encoding.UTF8.GetBytes(word + "\n"));
            Assert.That(await lines.MoveNextAsync().AsTask().WaitAsync(Patience), Is.True);
            heard.Add(lines.Current.Content);
        }

        await program.StandardInput.DisposeAsync();
        Assert.That(await lines.MoveNextAsync().AsTask().WaitAsync(Patience), Is.True);

        Assert.That(heard, Is.EqualTo(new[] { "<one>", "<two>" }));
        Assert.That(lines.Current, Is.EqualTo(new OutputLine(IsError: true, "over")));
        Assert.That(await lines.MoveNextAsync().AsTask().WaitAsync(Patience), Is.False);
    }

    [Test]
    public async Task A_child_that_a_further_program_leaves_behind_keeps_no_reader_of_lines_waiting()
    {
        await using var running = await Host.Container(Tools).WithCommand("sleep", "1000").StartAsync();
        await using var program = await running.StartExecAsync(["sh", "-c", "sleep 1000 & echo over"]);

        var lines = await ListAsync(program.ReadLinesAsync()).WaitAsync(Patience);

        Assert.That(lines, Is.EqualTo(new[] { "over" }));
    }

    [Test]
    public async Task Somebody_outside_who_has_a_pipe_open_keeps_no_reader_waiting_when_the_container_has_ended()
    {
        await using var running = await Shell("echo over; sleep 1000").StartAsync();
        using var held = File.OpenHandle($"/proc/{running.ProcessId}/fd/1", FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        await using var lines = running.ReadLinesAsync().GetAsyncEnumerator();
        Assert.That(await lines.MoveNextAsync().AsTask().WaitAsync(Patience), Is.True);

        await running.KillAsync();

        Assert.That(await lines.MoveNextAsync().AsTask().WaitAsync(Patience), Is.False);
        Assert.That((await running.WaitForExitAsync().WaitAsync(Patience)).Signal, Is.EqualTo(9));
    }

    [Test]
    public async Task A_line_that_never_ends_is_cut_and_fills_no_memory()
    {
        await using var running = await Shell("dd if=/dev/zero bs=1M count=64 status=none | tr '\\0' x").StartAsync();
        var lengths = new List<int>();
        await foreach (var line in running.ReadLinesAsync())
        {
            lengths.Add(line.Content.Length);
        }

        Assert.That((lengths.Max(), lengths.Sum()), Is.EqualTo((1 << 20, 64 << 20)));
    }

    private static async Task<List<string>> ListAsync(IAsyncEnumerable<OutputLine> lines)
    {
        var all = new List<string>();
        await foreach (var line in lines)
        {
            all.Add(line.Content);
        }

        return all;
    }

    private static async Task<long> CountAsync(PipeReader reader, long atLeast = long.MaxValue)
    {
        long count = 0;
        while (count < atLeast)
        {
            var result = await reader.ReadAsync().AsTask().WaitAsync(Patience);
            count += result.Buffer.Length;
            reader.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                break;
            }
        }

        return count;
    }

    private static async Task<string> TextAsync(PipeReader reader)
    {
        using var text = new StreamReader(reader.AsStream());
        return await text.ReadToEndAsync().WaitAsync(Patience);
    }

    /// <summary>How many bytes a process has written, once it writes no more. proc(5), /proc/PID/io.</summary>
    // Where no group can be made for it, it has a keeper, which is closed to us, and is its child.
    private static int WriterOf(ContainerProcess program) => ProcessTree.FindChildren(program.ProcessId) is [var child, ..] ? child : program.ProcessId;

    private static async Task<long> SettledWritesAsync(int process)
    {
        long before = -1;
        for (var same = 0; same < 5;)
        {
            var line = (await File.ReadAllLinesAsync($"/proc/{process}/io")).First(line => line.StartsWith("wchar:", StringComparison.Ordinal));
            var now = long.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
            same = now == before && now > 0 ? same + 1 : 0;
            before = now;
            await Task.Delay(50);
        }

        return before;
    }
}
