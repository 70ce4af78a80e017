using ContainerKit.Layers.Trees;

namespace ContainerKit.Tests.Layers.Trees;

public sealed class TreeChangesTests
{
    private static readonly byte[] Base = new RawTar()
        .Add("etc", '5').Add("etc/motd", content: "hello\n").Add("etc/hosts", content: "localhost\n").Add("lib", '5').Add("lib/so", content: "code").End().ToArray();

    private static string[] Changes(params byte[][] layers) =>
        [.. TreeChanges.Between(Trees.Of(Base), Trees.Of([Base, .. layers]), CancellationToken.None).Select(change => $"{change.Kind.ToString()[0]} {change.Path}")];

    [Test]
    public void Directories_above_a_change_come_before_it()
    {
        var changes = Changes(new RawTar().Add("etc/motd", content: "other\n").Add("etc/new", content: "new").Add("lib/.wh.so").End().ToArray());

        Assert.That(changes, Is.EqualTo(new[] { "C /etc", "C /etc/motd", "A /etc/new", "C /lib", "D /lib/so" }));
    }

    [Test]
    public void Of_a_directory_that_went_away_there_is_one_change() =>
        Assert.That(Changes(new RawTar().Add(".wh.etc").End().ToArray()), Is.EqualTo(new[] { "D /etc" }));

    [Test]
    public void Of_a_directory_that_became_a_file_there_is_one_change() =>
        Assert.That(Changes(new RawTar().Add("etc", content: "x").End().ToArray()), Is.EqualTo(new[] { "C /etc" }));

    [Test]
    public void Of_a_file_that_became_a_directory_all_in_it_is_told() =>
        Assert.That(Changes(new RawTar().Add("etc/motd", '5').Add("etc/motd/a", content: "x").End().ToArray()), Is.EqualTo(new[] { "C /etc", "C /etc/motd", "A /etc/motd/a" }));

    [Test]
    public void A_layer_that_says_again_what_is_there_changes_nothing() => Assert.That(Changes(Base), Is.Empty);

    [Test]
    public void Content_that_differs_is_seen_where_size_and_time_agree()
    {
        var change = TreeChanges.Between(Trees.Of(Base), Trees.Of(Base, new RawTar().Add("etc/motd", content: "jello\n").End().ToArray()), CancellationToken.None)[^1];

        Assert.That(change.Path, Is.EqualTo("/etc/motd"));
        Assert.That(change.Before!.Digest, Is.EqualTo(Digest.Of("hello\n"u8)));
        Assert.That(change.After!.Digest, Is.EqualTo(Digest.Of("jello\n"u8)));
        Assert.That(change.Before with { Digest = null, ExtendedAttributes = change.After.ExtendedAttributes }, Is.EqualTo(change.After with { Digest = null }));
    }

    [Test]
    public async Task Contents_are_had_for_the_asking()
    {
        var changes = TreeChanges.Between(Trees.Of(Base), Trees.Of(Base, new RawTar().Add("etc/motd").Add(".wh.lib").End().ToArray()), CancellationToken.None);
        var motd = changes.Single(change => change.Path == "/etc/motd");

        Assert.That(await new StreamReader(await motd.OpenBeforeAsync()).ReadToEndAsync(), Is.EqualTo("hello\n"));
        Assert.That(await new StreamReader(await motd.OpenAfterAsync()).ReadToEndAsync(), Is.Empty);
        Assert.That(() => changes.Single(change => change.Path == "/lib").OpenBeforeAsync(), Throws.InvalidOperationException);
    }
}
