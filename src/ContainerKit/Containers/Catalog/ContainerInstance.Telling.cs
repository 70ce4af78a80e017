namespace ContainerKit.Containers.Catalog;

/// <content>What it does, as it is told to those who observe the process.</content>
internal sealed partial class ContainerInstance
{
    private ToldOperation? BeginStart(bool isDetached)
    {
        var told = Begin(ToldOperation.Start);
        told?.Tag("container.command", CommandLine is [var program, ..] ? program : null);
        told?.Tag("containerkit.detached", isDetached);
        return told;
    }

    private ToldOperation? Begin(string name)
    {
        var told = ToldOperation.Begin(name);
        told?.Tag(Record.Id, Record.Name, Record.ImageReference, _catalog.Snapshots.Driver.Name);
        return told;
    }
}
