using System.Text;
using System.Text.RegularExpressions;
using ContainerKit.Containers.Runs;

namespace ContainerKit.Tests.Containers.Readiness;

/// <summary>What is kept of a program's output, and those who look on.</summary>
internal sealed class OutputTailTests
{
    private OutputTail _tail = null!;

    [SetUp]
    public void Begin() => _tail = new OutputTail();

    [Test]
    public void The_last_lines_of_both_streams_stand_in_the_order_in_which_they_ended()
    {
        Write("one\ntw");
        Write("failed\n", isError: true);
        Write("o\nthree");

        Assert.That(_tail.LastLines(3).Select(line => (line.IsError, line.Content)), Is.EqualTo(new[] { (true, "failed"), (false, "two"), (false, "three") }));
    }

    [Test]
    public void Of_much_output_the_end_is_kept()
    {
        for (var i = 0; i < 100_000; i++)
        {
            Write($"line {i}\n", isError: i % 3 == 0);
        }

        Assert.That(_tail.LastLines(2).Select(line => line.Content), Is.EqualTo(new[] { "line 99998", "line 99999" }));
        Assert.That(_tail.LastLines(int.MaxValue), Has.Count.LessThan(10_000).And.Count.GreaterThan(1000));
    }

    [Test]
    public void A_piece_that_is_larger_than_all_that_is_kept_leaves_its_end()
    {
        Write("before\n");
        Write(new string('x', 1 << 20) + "\nlast\n");

        Assert.That(_tail.LastLines(1).Single().Content, Is.EqualTo("last"));
    }

    [TestCase("ready", 1)]
    [TestCase("rea|dy", 1)]
    [TestCase("r|e|a|d|y ready", 2)]
    [TestCase("readyready|ready", 3)]
    [TestCase("read|eady", 0)]
    public void A_text_is_counted_however_it_is_cut(string pieces, int times)
    {
        var watcher = new TextWatcher("ready", stream: null, times: 99);
        _tail.Watch(watcher);

        foreach (var piece in pieces.Split('|'))
        {
            Write(piece);
        }

        Assert.That(watcher.Seen, Is.EqualTo(times));
    }

    [Test]
    public void Who_begins_to_look_on_sees_what_is_kept()
    {
        Write("it is rea");
        var watcher = new TextWatcher("ready", OutputSource.StandardOutput, times: 1);

        _tail.Watch(watcher);
        Write("ready", isError: true);
        Assert.That(watcher.Done.IsCompleted, Is.False);
        Write("dy");

        Assert.That(watcher.Done.IsCompletedSuccessfully, Is.True);
    }

    [Test]
    public void A_line_that_does_not_end_is_tried_in_pieces()
    {
        var watcher = new PatternWatcher(new Regex("^x+$"), stream: null, times: 2);
        _tail.Watch(watcher);

        Write(new string('x', 40_000));

        Assert.That(watcher.Done.IsCompletedSuccessfully, Is.True);
    }

    private void Write(string text, bool isError = false) => _tail.Add(isError, Encoding.UTF8.GetBytes(text));
}
