using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Containers;

/// <summary>A store holds programs that are root's and run as root, and is not a place from which the host's other users run them.</summary>
internal sealed class SharedStoreTests
{
    private const string Nobody = "65534";

    private TemporaryDirectory _directory = null!;

    [SetUp]
    public void MakeDirectory()
    {
        Needs.Root();
        Needs.Overlay();
        Needs.Program("setpriv");
        _directory = new TemporaryDirectory();
        File.SetUnixFileMode(_directory.Path, (UnixFileMode)0x1ED);
    }

    [TearDown]
    public void RemoveDirectory() => _directory?.Dispose();

    [Test]
    public async Task A_set_user_id_program_of_an_image_is_out_of_every_other_users_reach()
    {
        var store = _directory["store"];
        await using var host = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = store, StorageDriver = "overlay" });
        var image = await host.BuildFromScratch().AddHostProgram("id", "chmod").Run("chmod", "4755", "/usr/bin/id").BuildAsync("suid:1");
        await using var container = await host.Container(image).CreateAsync();
        var program = Directory.EnumerateFiles(store, "id", new EnumerationOptions { RecurseSubdirectories = true }).First(path => File.GetUnixFileMode(path).HasFlag(UnixFileMode.SetUser));

        var kept = AsNobody(program);
        for (var above = Path.GetDirectoryName(program)!; above != _directory.Path; above = Path.GetDirectoryName(above)!)
        {
            File.SetUnixFileMode(above, (UnixFileMode)0x1ED);
        }

        var open = AsNobody(program);

        Assert.That((kept.ExitCode, kept.Error), Is.EqualTo((126, $"sh: 1: {program}: Permission denied\n")), kept.Output);
        Assert.That(open.Output, Is.EqualTo("0\n"), open.Error);
    }

    [Test]
    public async Task A_store_that_is_open_to_others_is_not_opened()
    {
        var store = _directory["store"];
        await using (await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = store }))
        {
        }

        File.SetUnixFileMode(store, (UnixFileMode)0x1ED);

        Assert.That(async () => await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = store }), Throws.InstanceOf<ContainerKitException>().With.Message.Contains(store));
    }

    // By a shell, because setpriv itself still has root's capabilities when it looks the program up.
    private static ShellResult AsNobody(string program) => Support.Shell.Try("setpriv", "--reuid", Nobody, "--regid", Nobody, "--clear-groups", "sh", "-c", "\"$1\" -u", "sh", program);
}
