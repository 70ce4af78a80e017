using System.Text.Json.Nodes;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Samples;

[Category("Slow")]
internal sealed class CkitImageTests : CkitFixture
{
    [Test]
    public void A_name_that_is_no_UTF8_is_listed_as_shells_read_it_and_read_by_its_bytes()
    {
        Shell.Script(
            """mkdir "$1"; cd "$1"; printf content > "$(printf 'na\344me \303\244')"; mkdir "$(printf 'd\377')"; printf deeper > "$(printf 'd\377/f')"; tar -cf "$1.tar" .""",
            HostDirectory + "/bytes");
        Output("import", HostDirectory + "/bytes.tar", "bytes:1");

        Assert.That(Output("ls", "bytes:1").Split('\n'), Is.EquivalentTo(new[] { @"$'d\377'", @"$'na\344me ä'" }));
        Assert.That((OnBytes("cat", @"na\344me ä"), OnBytes("cat", @"/d\377/f"), OnBytes("ls", @"d\377")), Is.EqualTo(("content", "deeper", "f")));

        string OnBytes(string command, string path) => Shell.Script(
            """ckit=$1 root=$2; "$ckit" --root "$root" "$3" bytes:1 "$(printf "$4")" """, SamplePrograms.PathOf("ckit"), HostDirectory + "/store", command, path);
    }

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
    public void Names_are_those_of_the_layers_and_break_no_line()
    {
        var archive = Path.Combine(HostDirectory, "odd.tar");
        Shell.Script("""mkdir "$1.d"; cd "$1.d"; echo text > dev; touch $'a\nb' $'\377'; tar -cf "$1" dev $'a\nb' $'\377' """, archive);
        Output("import", archive, "odd:1");

        var listed = JsonNode.Parse(Output("ls", "--json", "odd:1"))!.AsArray();

        Assert.That(Output("ls", "odd:1").Split('\n'), Has.Length.EqualTo(3).And.Member(@"$'a\nb'").And.Member("dev"));
        Assert.That(Output("ls", "-0", "odd:1").Split('\0'), Has.Member("a\nb").And.Member("dev"));
        Assert.That(Output("cat", "odd:1", "dev"), Is.EqualTo("text"));
        Assert.That(listed.Select(file => (string?)file!["NameBytes"]), Is.EquivalentTo(new[] { null, null, Convert.ToBase64String([0xFF]) }));
        Assert.That(listed.Select(file => (string?)file!["Name"]), Has.Member("a\nb"));
    }

    [Test]
    public void Layers_are_listed() => Assert.That(JsonNode.Parse(Output("layers", "--json", "box:1"))!.AsArray(), Has.Count.EqualTo(1));

    [Test]
    public void Images_and_containers_are_compared()
    {
        Edited("diff:1");
        Output("create", "--name", "to-compare", "diff:1", "true");

        Assert.That(Output("diff", "box:1", "diff:1"), Is.EqualTo("C /etc\nC /etc/motd\nA /etc/new"));
        Assert.That(Output("diff", "to-compare", "diff:1"), Is.Empty);
        Assert.That(Output("diff", "to-compare", "box:1"), Is.EqualTo("C /etc\nC /etc/motd\nD /etc/new"));
        Assert.That(JsonNode.Parse(Output("diff", "--json", "box:1", "diff:1"))!.AsArray()[^1]!["After"]!["Digest"]!.ToString(), Is.EqualTo(Digest.Of("new\n"u8).ToString()));
        Assert.That(Ckit("diff", "box:1", "nothing:1").ExitCode, Is.EqualTo(125));
    }

    [Test]
    public void Layers_are_squashed_and_put_on_another_base()
    {
        Edited("edited:1");

        Assert.That(Output("squash", "edited:1", "squashed:1"), Is.EqualTo("squashed:1"));
        Assert.That(Output("rebase", "edited:1", "box:1", "squashed:1", "rebased:1"), Is.EqualTo("rebased:1"));
        Assert.That(Layers("edited:1"), Has.Count.EqualTo(2));
        Assert.That(Layers("squashed:1"), Has.Count.EqualTo(1));
        Assert.That(Layers("rebased:1"), Is.EqualTo(Layers("squashed:1").Append(Layers("edited:1")[1])));
        Assert.That(Output("diff", "edited:1", "squashed:1"), Is.Empty);
        Assert.That(Output("cat", "rebased:1", "/etc/new"), Is.EqualTo("new"));
    }

    [Test]
    public void Conversions_keep_what_the_layers_are()
    {
        var archive = Path.Combine(HostDirectory, "zstd.tar");
        Output("convert", "--manifest", "docker", "--compression", "none", "box:1", "plain:1");
        Output("save", "--compression", "zstd", "-o", archive, "box:1");
        CkitIn("zstd", "load", "-i", archive);

        Assert.That(Layers("plain:1"), Is.EqualTo(Layers("box:1")));
        Assert.That(CkitIn("zstd", "layers", "--json", "box:1").Output, Does.Contain("tar+zstd").And.Contain(Layers("box:1")[0]));
        Assert.That(Ckit("save", "--format", "docker", "--compression", "zstd", "-o", archive, "box:1").ExitCode, Is.EqualTo(125));
    }

    [Test]
    public void A_squash_at_a_given_time_is_the_same_whenever_it_is_made()
    {
        Output("squash", "--timestamp", "1700000000", "box:1", "at:1");
        Output("squash", "--timestamp", "1700000000", "at:1", "at:2");

        Assert.That(Layers("at:2"), Is.EqualTo(Layers("at:1")));
        Assert.That(Output("inspect", "at:1"), Does.Contain("2023-11-14T22:13:20Z"));
        Assert.That(Ckit("squash", "--timestamp", "yesterday", "box:1", "at:3").ExitCode, Is.EqualTo(125));
    }

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

        Assert.That(Ckit("save", "-o", directory, "box:1").Error, Is.EqualTo($"ckit: Cannot save 'box:1' to '{directory}': that is a directory, and an archive is a file.\n"));
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
        Output("rm", Output("create", "further", "true"));
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
        Assert.That(Ckit("save", "-o", pipe, "piped"), Is.EqualTo(new Support.ShellResult(125, "", $"ckit: Cannot save 'piped:latest' to '{pipe}': that is no regular file.\n")));
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

    private void Edited(string name)
    {
        var tree = Directory.CreateDirectory(Path.Combine(HostDirectory, "edit", "etc"));
        File.WriteAllText(Path.Combine(tree.FullName, "new"), "new\n");
        File.WriteAllText(Path.Combine(tree.FullName, "motd"), "edited\n");
        var archive = Path.Combine(HostDirectory, "edit.tar");
        Shell.Run("tar", "-C", tree.Parent!.FullName, "--owner=0", "--group=0", "-cf", archive, "etc/motd", "etc/new");
        Assert.That(Output("append", "box:1", archive, name), Is.EqualTo(name));
    }

    private List<string> Layers(string image) => [.. JsonNode.Parse(Output("layers", "--json", image))!.AsArray().Select(layer => layer!["DiffId"]!.ToString())];
}
