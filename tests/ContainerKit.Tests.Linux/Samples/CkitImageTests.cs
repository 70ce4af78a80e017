using System.Text.Json.Nodes;

namespace ContainerKit.Tests.Linux.Samples;

[Category("Slow")]
internal sealed class CkitImageTests : CkitFixture
{
    [Test]
    public void Import_prints_the_familiar_name() =>
        Assert.That(Output("import", RootFileSystem, "docker.io/library/imported"), Is.EqualTo("imported:latest"));

    [Test]
    public void Images_are_listed_for_people_and_for_programs()
    {
        var table = Output("images").Split('\n');
        var ids = Output("images", "-q").Split('\n');
        var rows = JsonNode.Parse(Output("images", "--json"))!.AsArray();

        Assert.That(table[0], Does.StartWith("REPOSITORY").And.Contain("IMAGE ID"));
        Assert.That(table, Has.Some.Match("^box +1 +[0-9a-f]{12} "));
        Assert.That(ids, Has.All.Match("^[0-9a-f]{12}$"));
        Assert.That(rows.Select(row => $"{row!["Repository"]}:{row["Tag"]}"), Has.Member("box:1"));
    }

    [Test]
    public void Inspect_writes_an_array_with_dockers_keys()
    {
        var image = JsonNode.Parse(Output("inspect", "box:1"))!.AsArray().Single()!;

        Assert.That(image["Id"]!.ToString(), Does.StartWith("sha256:"));
        Assert.That(image["RepoTags"]![0]!.ToString(), Is.EqualTo("box:1"));
        Assert.That(image["Os"]!.ToString(), Is.EqualTo("linux"));
        Assert.That(image["RootFS"]!["Layers"]!.AsArray(), Has.Count.EqualTo(1));
        Assert.That(image["Config"]!.AsObject().Select(field => field.Key), Is.SupersetOf((string[])["Env", "Cmd", "Entrypoint", "WorkingDir", "User", "Labels"]));
    }

    [Test]
    public void Files_are_listed_and_read_without_running_anything()
    {
        Assert.That(Output("ls", "box:1").Split('\n'), Is.SupersetOf((string[])["bin", "etc"]));
        Assert.That(Output("ls", "box:1", "/etc"), Is.EqualTo("motd\npasswd\ntext"));
        Assert.That(Output("cat", "box:1", "/etc/motd"), Is.EqualTo("hello from below"));
        Assert.That(Ckit("cat", "box:1", "/etc/nothing").ExitCode, Is.EqualTo(125));
    }

    [Test]
    public void Layers_are_listed() => Assert.That(JsonNode.Parse(Output("layers", "--json", "box:1"))!.AsArray(), Has.Count.EqualTo(1));

    [TestCase("oci")]
    [TestCase("docker")]
    [TestCase("oci-dir")]
    public void What_one_store_saves_another_loads(string format)
    {
        var archive = Path.Combine(HostDirectory, "saved-" + format);
        Output("save", "--format", format, "-o", archive, "box:1");

        Assert.That(CkitIn("other-" + format, "load", "-i", archive).Output, Is.EqualTo("box:1\n"));
        Assert.That(CkitIn("other-" + format, "cat", "box:1", "/etc/motd").Output, Is.EqualTo("hello from below\n"));
    }

    [Test]
    public void What_is_saved_to_standard_output_is_loaded_from_standard_input()
    {
        var output = Support.Shell.Script(
            """ "$1" --root "$2" save box:1 | "$1" --root "$3" load """,
            SamplePrograms.PathOf("ckit"), Path.Combine(HostDirectory, "store"), Path.Combine(HostDirectory, "piped"));

        Assert.That(output, Is.EqualTo("box:1"));
        Assert.That(CkitIn("piped", "cat", "box:1", "/etc/motd").Output, Is.EqualTo("hello from below\n"));
    }

    [Test]
    public void An_archive_is_not_saved_as_a_directory_nor_imported_from_one()
    {
        var directory = Path.Combine(HostDirectory, "a-directory/");

        Assert.That(Ckit("save", "-o", directory, "box:1").Error, Is.EqualTo($"ckit: Cannot save an image to '{directory}': that is a directory, and an archive is a file.\n"));
        Assert.That(Path.Exists(directory.TrimEnd('/')), Is.False);
        Assert.That(Ckit("import", HostDirectory, "x:1").Error, Does.StartWith($"ckit: Cannot import '{HostDirectory}': It is a directory, and an archive is a file. "));
    }

    [Test]
    public void A_further_name_comes_and_goes()
    {
        Output("tag", "box:1", "box:two");
        Assert.That(Output("cat", "box:two", "/etc/motd"), Is.EqualTo("hello from below"));

        Output("rmi", "box:two");
        Assert.That(Ckit("inspect", "box:two").ExitCode, Is.EqualTo(125));
        Assert.That(Ckit("inspect", "box:1").ExitCode, Is.Zero);
    }

    [Test]
    public void An_image_goes_with_what_was_unpacked_of_it()
    {
        var archive = Path.Combine(HostDirectory, "further.tar");
        Support.Shell.Script("""d=$(mktemp -d); echo further > "$d/file"; tar -C "$d" -cf "$1" .; rm -r "$d" """, archive);
        var before = UnpackedTrees();
        Output("import", archive, "further");
        Output("cat", "further", "/file");
        Assert.That(UnpackedTrees(), Has.Length.GreaterThan(before.Length));

        Output("rmi", "further");

        Assert.That(UnpackedTrees(), Is.EqualTo(before));
    }

    [Test]
    public void An_image_that_is_not_there_is_an_error_unless_removed_by_force()
    {
        Assert.That(Ckit("rmi", "never:1").ExitCode, Is.EqualTo(125));
        Assert.That(Ckit("rmi", "-f", "never:1"), Is.EqualTo(new Support.ShellResult(0, "", "")));
    }

    [Test]
    public void Named_pipes_are_loaded_from_and_not_saved_over()
    {
        var (pipe, archive) = (Path.Combine(HostDirectory, "pipe"), Path.Combine(HostDirectory, "piped.tar"));
        Support.Shell.Run("mkfifo", pipe);
        Output("import", RootFileSystem, "piped");
        Output("save", "-o", archive, "piped");
        Support.Shell.Script("""{ cat "$1" > "$2"; } < /dev/null > /dev/null 2>&1 &""", archive, pipe);

        Assert.That(Output("load", "-i", pipe), Is.EqualTo("piped:latest"));
        Assert.That(Ckit("save", "-o", pipe, "piped"), Is.EqualTo(new Support.ShellResult(125, "", $"ckit: Cannot save an image to '{pipe}': that is no regular file.\n")));
    }

    [Test]
    public void What_has_lost_its_name_is_pruned()
    {
        var archive = Path.Combine(HostDirectory, "old.tar");
        Support.Shell.Script("""d=$(mktemp -d); echo old > "$d/file"; tar -C "$d" -cf "$1" .; rm -r "$d" """, archive);
        Output("import", archive, "replaced");
        Output("import", RootFileSystem, "replaced");
        Assert.That(Output("images"), Does.Contain("<none>"));

        Assert.That(Output("prune"), Does.StartWith("Freed "));

        Assert.That(Output("images"), Does.Contain("replaced").And.Not.Contain("<none>"));
    }

    [Test]
    public void Info_says_what_the_host_can_do()
    {
        Assert.That(Output("info"), Does.Contain("overlay"));
        Assert.That(JsonNode.Parse(Output("info", "--json")), Is.Not.Null);
    }

    private string[] UnpackedTrees() => [.. Directory.GetDirectories(Path.Combine(HostDirectory, "store", "snapshots")).SelectMany(driver => Directory.GetDirectories(driver, "c-*")).Order()];
}
