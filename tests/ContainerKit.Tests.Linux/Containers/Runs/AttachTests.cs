using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers.Runs;

/// <summary>What those get who attach to a detached container.</summary>
[TestFixture(UserNamespaceMode.Default)]
[TestFixture(UserNamespaceMode.SingleId, Category = "Modes")]
[TestFixture(UserNamespaceMode.SubordinateIds, Category = "Modes")]
internal sealed class AttachTests(UserNamespaceMode userNamespace) : DetachedFixture
{
    protected override UserNamespaceMode UserNamespace => userNamespace;

    [Test]
    public async Task From_now_on_is_the_same_moment_for_both_streams_and_for_lines()
    {
        await using var running = await Shell("echo past; echo gone >&2; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo new; echo wrong >&2; exit 3").WithName("now").StartAsync(Detached);
        await Written("past", "gone");
        await using var other = await OpenHost();
        await using var attached = await (await other.FindContainerAsync("now"))!.AttachAsync(new AttachOptions { Tail = 0 });

        await running.Files.WriteAllTextAsync("/tmp/go", "");

        Assert.That((await running.WaitForExitAsync()).ExitCode, Is.EqualTo(3));
        Assert.That(attached.IsDetached, Is.True);
        Assert.That(await ReadToEnd(attached.StandardOutput), Is.EqualTo("new\n"));
        Assert.That(await ReadToEnd(attached.StandardError), Is.EqualTo("wrong\n"));
        Assert.That(await Lines(attached), Is.EquivalentTo(new[] { "new", "wrong" }));
        Assert.That((await attached.WaitForExitAsync()).ExitCode, Is.EqualTo(3));
    }

    [Test]
    public async Task The_last_lines_come_first_for_who_asks_for_them()
    {
        await using var running = await Shell("echo one; echo two >&2; echo three; printf unfinished; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo ' line'").WithName("tail").StartAsync(Detached);
        await Written("one", "two", "three", "unfinished");
        var container = (await Host.FindContainerAsync("tail"))!;
        await using var three = await container.AttachAsync(new AttachOptions { Tail = 3 });
        await using var many = await container.AttachAsync(new AttachOptions { Tail = 1000 });

        await running.Files.WriteAllTextAsync("/tmp/go", "");

        Assert.That(await Lines(three), Is.EquivalentTo(new[] { "two", "three", "unfinished line" }));
        Assert.That(await Lines(many), Is.EquivalentTo(new[] { "one", "two", "three", "unfinished line" }));
    }

    [Test]
    public async Task A_reader_that_parses_gets_what_is_written_as_it_is_written()
    {
        await using var running = await Shell("while read line; do echo got $line; done").WithName("parsed").WithOpenInput().StartAsync(Detached);
        await using var other = await OpenHost();
        await using var attached = await (await other.FindContainerAsync("parsed"))!.AttachAsync(new AttachOptions { Tail = 0 });

        await attached.StandardInput.WriteAsync("this\n"u8.ToArray());

        var read = await attached.OutputReader.ReadAtLeastAsync(9);
        Assert.That(System.Text.Encoding.UTF8.GetString(System.Buffers.BuffersExtensions.ToArray(read.Buffer)), Is.EqualTo("got this\n"));
    }

    [Test]
    public async Task An_input_that_is_open_is_fed_by_whoever_attaches_and_nobody_ends_it()
    {
        await using var running = await Shell("while read line; do echo got $line; done; echo end").WithName("fed").WithOpenInput().StartAsync(Detached);
        var container = (await Host.FindContainerAsync("fed"))!;
        await running.StandardInput.WriteAsync("one\n"u8.ToArray());
        await running.StandardInput.DisposeAsync();
        await Written("got one");
        await using (var attached = await container.AttachAsync())
        {
            await attached.StandardInput.WriteAsync("two\n"u8.ToArray());
        }

        await Written("got one", "got two");
        Assert.That(await container.IsRunningAsync(), Is.True);
        Assert.That(container.Settings.HasOpenInput, Is.True);
    }

    [Test]
    public async Task A_program_that_is_started_again_goes_on_with_the_same_input()
    {
        await using var running = await Shell("read line; echo got $line; [ $line = last ] && exit 0; exit 1").WithName("again").WithOpenInput().WithRestart(RestartPolicy.OnFailure()).StartAsync(Detached);
        await running.StandardInput.WriteAsync("first\n"u8.ToArray());
        await Written("got first");

        await running.StandardInput.WriteAsync("last\n"u8.ToArray());

        Assert.That((await running.WaitForExitAsync()).ExitCode, Is.Zero);
        Assert.That(await Log(running.Container), Is.EqualTo(new[] { "got first", "got last" }));
    }

    [Test]
    public async Task A_program_that_ends_is_heard_by_who_feeds_it()
    {
        await using var running = await Shell("read line; exit 4").WithName("deaf").WithOpenInput().StartAsync(Detached);
        await running.StandardInput.WriteAsync("enough\n"u8.ToArray());
        await running.WaitForExitAsync();

        Assert.That(async () => await running.StandardInput.WriteAsync("more\n"u8.ToArray()), Throws.InstanceOf<IOException>());
    }

    [Test]
    public async Task Unless_described_otherwise_the_input_is_empty()
    {
        await using var running = await Shell("cat; echo end").WithName("empty").StartAsync(Detached);

        Assert.That((await running.WaitForExitAsync()).ExitCode, Is.Zero);
        Assert.That(await Log(running.Container), Is.EqualTo(new[] { "end" }));
    }

    [Test]
    public async Task One_in_the_foreground_of_another_process_has_no_streams_here_and_says_so()
    {
        using var process = new SecondProcess(nameof(DetachedTests.StartAttached), StoreDirectory, "overlay", userNamespace.ToString(), "theirs", "sleep 1000");
        Assert.That(process.ReadLine(), Is.EqualTo("started"));
        await using var attached = await (await Host.FindContainerAsync("theirs"))!.AttachAsync(new AttachOptions { Tail = 0 });

        Assert.That(attached.IsDetached, Is.False);
    }

    [Test]
    public void A_number_of_lines_is_not_negative() => Assert.That(() => new AttachOptions { Tail = -1 }, Throws.InstanceOf<ArgumentOutOfRangeException>());

    private async Task Written(params string[] lines)
    {
        await foreach (var container in Host.ListContainersAsync())
        {
            Assert.That(() => Log(container).GetAwaiter().GetResult(), Is.EquivalentTo(lines).After(20_000, 20));
        }
    }

    private static async Task<string> ReadToEnd(Stream stream)
    {
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync();
    }

    private static async Task<List<string>> Lines(RunningContainer running)
    {
        var lines = new List<string>();
        await foreach (var line in running.ReadLinesAsync())
        {
            lines.Add(line.Content);
        }

        return lines;
    }
}
