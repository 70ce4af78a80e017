using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Says what the store takes on its disk.</summary>
internal sealed class DfCommand : HostCommand
{
    private readonly Option<bool> _verbose = new("--verbose", "-v") { Description = "Tells each image, driver and container." };
    private readonly Option<bool> _json = Json.Option();

    public DfCommand()
        : base("df", "Show what images, unpacked layers and containers take on the disk, and what prune would free.")
    {
        Add(_verbose);
        Add(_json);
    }

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var usage = await host.GetDiskUsageAsync(cancellationToken);
        if (line.GetValue(_json))
        {
            StandardOutput.PrintJson(ToJson(usage));
        }
        else if (line.GetValue(_verbose))
        {
            PrintAll(usage);
        }
        else
        {
            PrintSummary(usage);
        }

        return 0;
    }

    private static void PrintSummary(DiskUsage usage)
    {
        var table = new Table("TYPE", "TOTAL", "SIZE", "RECLAIMABLE");
        var layers = usage.Snapshots.Sum(driver => driver.ReclaimableBytes);
        table.Add("Images", Number(usage.Images.Count), Sizes.Format(usage.BlobBytes), Sizes.Format(usage.ReclaimableBytes - layers - usage.PartialDownloads.Bytes));
        table.Add("Unpacked layers", Number(usage.Snapshots.Sum(driver => driver.Count)), Sizes.Format(usage.Snapshots.Sum(driver => driver.Bytes)), Sizes.Format(layers));
        table.Add("Containers", Number(usage.Containers.Count), Sizes.Format(usage.Containers.Sum(container => container.Bytes)), Sizes.Format(0));
        table.Add("Volumes", Number(usage.Volumes.Count), Sizes.Format(usage.Volumes.Sum(volume => volume.Bytes)), Sizes.Format(0));
        table.Add("Partial downloads", Number(usage.PartialDownloads.Count), Sizes.Format(usage.PartialDownloads.Bytes), Sizes.Format(usage.PartialDownloads.Bytes));
        table.Add("Other", "", Sizes.Format(usage.OtherBytes), Sizes.Format(0));
        table.Add("All", "", Sizes.Format(usage.TotalBytes), Sizes.Format(usage.ReclaimableBytes));
        table.Print();
    }

    private static void PrintAll(DiskUsage usage)
    {
        var table = new Table("TYPE", "NAME", "SIZE", "SHARED", "UNIQUE", "RECLAIMABLE");
        foreach (var image in usage.Images)
        {
            var name = image.Names.Count > 0 ? string.Join(", ", image.Names) : image.Digest.ToString();
            var bytes = image.SharedBytes + image.UniqueBytes;
            table.Add("Image", name, Sizes.Format(bytes), Sizes.Format(image.SharedBytes), Sizes.Format(image.UniqueBytes), Sizes.Format(image.IsReclaimable ? image.UniqueBytes : 0));
        }

        table.Add("Blobs of no image", "", Sizes.Format(usage.UnreferencedBlobs.Bytes), "", "", Sizes.Format(usage.UnreferencedBlobs.Bytes));
        foreach (var driver in usage.Snapshots)
        {
            table.Add("Unpacked layers", driver.Driver, Sizes.Format(driver.Bytes), "", "", Sizes.Format(driver.ReclaimableBytes));
        }

        foreach (var container in usage.Containers)
        {
            table.Add("Container", container.Name ?? container.Id[..12], Sizes.Format(container.Bytes), "", "", Sizes.Format(0));
        }

        foreach (var volume in usage.Volumes)
        {
            table.Add("Volume", volume.Name, Sizes.Format(volume.Bytes), "", "", Sizes.Format(0));
        }

        table.Print();
    }

    private static string Number(int count) => count.ToString(CultureInfo.InvariantCulture);

    private static JsonObject ToJson(DiskUsage usage) => new()
    {
        ["TotalBytes"] = usage.TotalBytes,
        ["ReclaimableBytes"] = usage.ReclaimableBytes,
        ["BlobBytes"] = usage.BlobBytes,
        ["OtherBytes"] = usage.OtherBytes,
        ["Images"] = Json.Array(usage.Images.Select(image => new JsonObject
        {
            ["Digest"] = image.Digest.ToString(),
            ["Names"] = Json.Strings(image.Names.Select(name => name.ToString())),
            ["UniqueBytes"] = image.UniqueBytes,
            ["SharedBytes"] = image.SharedBytes,
            ["Containers"] = image.Containers,
            ["Reclaimable"] = image.IsReclaimable,
        })),
        ["UnreferencedBlobs"] = new JsonObject { ["Count"] = usage.UnreferencedBlobs.Count, ["Bytes"] = usage.UnreferencedBlobs.Bytes },
        ["PartialDownloads"] = new JsonObject { ["Count"] = usage.PartialDownloads.Count, ["Bytes"] = usage.PartialDownloads.Bytes },
        ["Snapshots"] = Json.Array(usage.Snapshots.Select(driver => new JsonObject
        {
            ["Driver"] = driver.Driver,
            ["Count"] = driver.Count,
            ["Bytes"] = driver.Bytes,
            ["ReclaimableBytes"] = driver.ReclaimableBytes,
        })),
        ["Containers"] = Json.Array(usage.Containers.Select(container => new JsonObject
        {
            ["Id"] = container.Id,
            ["Name"] = container.Name,
            ["Image"] = container.Image,
            ["Bytes"] = container.Bytes,
        })),
        ["Volumes"] = Json.Array(usage.Volumes.Select(volume => new JsonObject
        {
            ["Name"] = volume.Name,
            ["Bytes"] = volume.Bytes,
            ["Containers"] = volume.Containers,
        })),
    };
}
