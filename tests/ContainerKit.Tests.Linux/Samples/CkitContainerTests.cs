using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Samples;

[Category("Slow")]
internal sealed class CkitContainerTests : CkitFixture
{
    [Test]
    public void Create_prints_the_id_and_starts_nothing()
    {
        var id = Output("create", "--name", "created", "box:1", "touch", "/etc/started");

        Assert.That(id, Does.Match("^[0-9a-f]{64}$"));
        Assert.That(Output("diff", "created"), Is.Empty);
    }

    [Test]
    public void A_container_without_a_name_stays_and_is_found_by_the_beginning_of_its_id()
    {
        var id = Output("create", "box:1", "true");

        Assert.That(Output("diff", id[..12]), Is.Empty);
        Assert.That(Output("rm", id[..12]), Is.EqualTo(id[..12]));
    }

    [Test]
    public void Diff_lists_what_the_program_changed()
    {
        Output("run", "--name", "changed", "box:1", "sh", "-c", "echo new > /etc/new; rm /etc/motd; echo x >> /etc/passwd");

        Assert.That(Output("diff", "changed").Split('\n'), Is.SupersetOf((string[])["C /etc", "D /etc/motd", "A /etc/new", "C /etc/passwd"]));
    }

    [Test]
    public void Commit_prints_the_new_images_name_which_runs()
    {
        Output("run", "--name", "edited", "box:1", "sh", "-c", "echo edited > /etc/motd");

        Assert.That(Output("commit", "edited", "box:edited"), Is.EqualTo("box:edited"));
        Assert.That(Output("run", "--rm", "box:edited", "cat", "/etc/motd"), Is.EqualTo("edited"));
        Assert.That(RunInBox([], "cat", "/etc/motd"), Is.EqualTo("hello from below"));
    }

    [Test]
    public void Cp_copies_in_and_out_as_cp_does()
    {
        var source = Path.Combine(HostDirectory, "to-copy");
        var target = Path.Combine(HostDirectory, "copied");
        File.WriteAllText(source, "some bytes\n");
        Output("create", "--name", "copied", "box:1", "true");

        Output("cp", source, "copied:/etc");
        Output("cp", "copied:/etc/to-copy", target);

        Assert.That(File.ReadAllText(target), Is.EqualTo("some bytes\n"));
        Assert.That(Output("diff", "copied"), Is.EqualTo("C /etc\nA /etc/to-copy"));
    }

    [Test]
    public void Cp_reads_and_writes_archives_as_streams()
    {
        Output("create", "--name", "piped", "box:1", "true");

        var result = Shell.Script(
            """
            "$1" --root "$2" cp piped:/etc - | tar -xO etc/motd
            printf new > "$3"/piped-file; tar -C "$3" -c piped-file | "$1" --root "$2" cp - piped:/tmp
            """,
            SamplePrograms.PathOf("ckit"),
            Path.Combine(HostDirectory, "store"),
            HostDirectory);

        Assert.That(result, Is.EqualTo("hello from below"));
        Assert.That(Output("diff", "piped"), Is.EqualTo("C /tmp\nA /tmp/piped-file"));
    }

    [Test]
    public void Cp_names_the_directory_that_is_missing()
    {
        var source = Path.Combine(HostDirectory, "for-nowhere");
        var nowhere = Path.Combine(HostDirectory, "nowhere");
        File.WriteAllText(source, "");
        Output("create", "--name", "nowhere", "box:1", "true");

        Assert.That(Ckit("cp", source, "nowhere:nodir/x").Error, Is.EqualTo($"ckit: Cannot copy '{source}' to '/nodir/x': there is no directory '/nodir' in the container.\n"));
        Assert.That(Ckit("cp", "nowhere:/etc/motd", $"{nowhere}/x").Error, Is.EqualTo($"ckit: Cannot copy '/etc/motd' to '{nowhere}/x': there is no directory '{nowhere}'.\n"));
    }

    [Test]
    public void A_removed_container_is_gone()
    {
        Output("create", "--name", "removed", "box:1", "true");

        Assert.That(Output("rm", "removed"), Is.EqualTo("removed"));
        Assert.That(Ckit("rm", "removed").ExitCode, Is.EqualTo(125));
        Assert.That(Ckit("rm", "-f", "removed").ExitCode, Is.Zero);
    }

    [Test]
    public void The_store_passes_its_check() => Assert.That(Ckit("check").ExitCode, Is.Zero);
}
