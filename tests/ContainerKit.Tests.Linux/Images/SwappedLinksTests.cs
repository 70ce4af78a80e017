using System.Diagnostics;
using ContainerKit.Tests.Linux.Containers;

namespace ContainerKit.Tests.Linux.Images;

/// <summary>Somebody changes directories into symlinks and back while this library works in them: it is never led out.</summary>
internal sealed class SwappedLinksTests : ContainerFixture
{
    [Test]
    public async Task A_layout_whose_blobs_come_and_go_as_links_to_outside_gives_nothing()
    {
        var (layout, outside) = (Path.Combine(HostDirectory, "layout"), Path.Combine(HostDirectory, "outside"));
        await Host.Images.SaveAsync(Tools, layout, ImageArchiveFormat.OciDirectory);
        var blob = Path.Combine(layout, "blobs", "sha256", Tools.Layers[0].Descriptor.Digest.Hex);
        File.Move(blob, outside);
        using var swapping = Process.Start("bash", ["-c", """while :; do ln -s "$1" "$2"; rm -f "$2"; done""", "bash", outside, blob]);
        try
        {
            await using var other = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = Path.Combine(HostDirectory, "other") });

            for (var i = 0; i < 30; i++)
            {
                Assert.That(() => other.Images.LoadAsync(layout, "led:out"), Throws.TypeOf<ImageException>());
            }
        }
        finally
        {
            swapping.Kill();
            await swapping.WaitForExitAsync();
        }
    }

    [Test]
    public async Task A_program_that_swaps_a_directory_for_a_link_leads_no_write_out_of_its_container()
    {
        var precious = Directory.CreateDirectory(Path.Combine(HostDirectory, "precious")).FullName;
        await using var container = await Shell($"while :; do mkdir /tmp/x; rm -rf /tmp/x; ln -s /../../../../../../../..{precious} /tmp/x; rm -f /tmp/x; done").CreateAsync();
        await using var running = await container.StartAsync();
        var written = 0;
        for (var i = 0; i < 300; i++)
        {
            try
            {
                await container.Files.WriteAllTextAsync($"/tmp/x/{i}", "led out");
                written++;
            }
            catch (IOException)
            {
                // The directory was gone just then, or led nowhere inside the container.
            }
        }

        Assert.That(Directory.EnumerateFileSystemEntries(precious), Is.Empty);
        await running.KillAsync();
        TestContext.Out.WriteLine($"{written} of 300 writes found a directory.");
    }
}
