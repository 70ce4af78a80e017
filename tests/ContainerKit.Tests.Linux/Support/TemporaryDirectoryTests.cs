namespace ContainerKit.Tests.Linux.Support;

public sealed class TemporaryDirectoryTests
{
    [Test]
    public void Directories_that_nobody_may_enter_and_names_that_are_no_text_go_away()
    {
        var directory = new TemporaryDirectory();
        Shell.Script("""cd "$1"; mkdir -p a/b; touch a/b/c $'odd \xff\nname'; chmod 0 a/b a""", directory.Path);

        directory.Dispose();

        Assert.That(Directory.Exists(directory.Path), Is.False);
    }

    [Test]
    public void A_mount_that_a_failed_test_left_is_removed_and_what_it_shows_stays()
    {
        Needs.Root();
        using var host = new TemporaryDirectory();
        host.Write("precious", "x");
        var directory = new TemporaryDirectory();
        Shell.Run("mount", "--bind", host.Path, directory.MakeDirectory("with space"));
        Shell.Run("mount", "-t", "tmpfs", "none", Directory.CreateDirectory(directory["with space/nested"]).FullName);

        directory.Dispose();

        Assert.That(Directory.Exists(directory.Path), Is.False);
        Assert.That(File.Exists(host["precious"]), Is.True);
    }

    [Test]
    public void A_program_that_fails_is_an_error_with_its_own_words()
    {
        Assert.That(() => Shell.Run("ls", "/no/such/file"), Throws.InvalidOperationException.With.Message.Contains("No such file or directory"));
    }
}
