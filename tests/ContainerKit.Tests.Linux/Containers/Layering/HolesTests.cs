namespace ContainerKit.Tests.Linux.Containers.Layering;

/// <summary>Files with holes, on their way into containers.</summary>
internal sealed class HolesTests : ContainerFixture
{
    [Test]
    public async Task Long_zeros_of_a_layer_and_of_a_file_that_is_copied_in_take_no_room()
    {
        const int Size = 8 << 20;
        var path = Path.Combine(HostDirectory, "sparse");
        await using (var file = File.Create(path))
        {
            file.SetLength(Size);
            file.Write("begin"u8);
            file.Position = Size / 2;
            file.Write("middle"u8);
        }

        var image = await Host.BuildFrom(Tools).AddFile("/added", await File.ReadAllBytesAsync(path)).BuildAsync("sparse:1");
        await using var container = await Host.Container(image).WithCommand("stat", "-c", "%s %b", "/added", "/copied").CreateAsync();
        await container.Files.CopyInAsync(path, "/copied");
        await using var running = await container.StartAsync();
        var lines = await running.ReadLinesAsync().Select(line => line.Content.Split(' ').Select(int.Parse).ToArray()).ToListAsync();

        Assert.That(lines, Has.Count.EqualTo(2));
        Assert.That(lines.Select(line => line[0]), Is.All.EqualTo(Size));
        Assert.That(lines.Select(line => line[1]), Is.All.LessThan(Size / 512 / 10));
        Assert.That(await container.Files.ReadAllBytesAsync("/added"), Is.EqualTo(await File.ReadAllBytesAsync(path)));
        Assert.That(await container.Files.ReadAllBytesAsync("/copied"), Is.EqualTo(await File.ReadAllBytesAsync(path)));

        var back = Path.Combine(HostDirectory, "back");
        await container.Files.CopyOutAsync("/copied", back);
        Assert.That(await File.ReadAllBytesAsync(back), Is.EqualTo(await File.ReadAllBytesAsync(path)));
        Assert.That(long.Parse(Support.Shell.Run("stat", "-c", "%b", back), System.Globalization.CultureInfo.InvariantCulture), Is.LessThan(Size / 512 / 10));
    }
}
