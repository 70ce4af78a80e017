using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Says where everything lies, and what this host can do for containers.</summary>
internal sealed class InfoCommand : HostCommand
{
    private readonly Option<bool> _json = Json.Option();

    public InfoCommand()
        : base("info", "Show the store, and what this host can do for containers: each capability, or why not and what to do about it.") => Add(_json);

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var images = await host.Images.ListAsync(cancellationToken).Select(image => image.Digest).Distinct().CountAsync(cancellationToken);
        var containers = await host.ListContainersAsync(cancellationToken).CountAsync(cancellationToken);
        var report = await host.ReportAsync(cancellationToken);
        if (line.GetValue(_json))
        {
            StandardOutput.PrintJson(new JsonObject
            {
                ["Containers"] = containers,
                ["Images"] = images,
                ["Driver"] = host.StorageDriver,
                ["RootDir"] = host.StoreDirectory,
                ["ServerVersion"] = LibraryVersion,
                ["Capabilities"] = Json.Array(report.Capabilities.Select(ToJson)),
            });
            return 0;
        }

        using var output = new StandardOutput();
        output.WriteLine($"Containers:      {containers.ToString(CultureInfo.InvariantCulture)}");
        output.WriteLine($"Images:          {images.ToString(CultureInfo.InvariantCulture)}");
        output.WriteLine($"Storage driver:  {host.StorageDriver}");
        output.WriteLine($"Store:           {host.StoreDirectory}");
        output.WriteLine($"Version:         {LibraryVersion}");
        output.WriteLine("");
        foreach (var row in report.ToString().TrimEnd('\n').Split('\n'))
        {
            output.WriteLine(row);
        }

        return 0;
    }

    private static string LibraryVersion => typeof(ContainerHost).Assembly.GetName().Version?.ToString(3) ?? "";

    private static JsonObject ToJson(HostCapability capability) => new()
    {
        ["Name"] = capability.Name,
        ["Available"] = capability.IsAvailable,
        ["Detail"] = capability.Detail,
        ["Hint"] = capability.Hint,
    };
}
