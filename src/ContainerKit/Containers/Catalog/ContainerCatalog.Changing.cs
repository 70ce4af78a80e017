using ContainerKit.Containers.Layering;
using ContainerKit.Content;

namespace ContainerKit.Containers.Catalog;

// What is changed of what is written down.
internal sealed partial class ContainerCatalog
{
    /// <summary>When what is written down about a container was written.</summary>
    public DateTime RecordTime(string id) => File.GetLastWriteTimeUtc(RecordPath(id));

    /// <summary>Changes what is written down about a container. Others that want to change it wait meanwhile.</summary>
    /// <param name="record">The container.</param>
    /// <param name="change">Makes another record of the one that is written down; what it throws leaves that alone.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="StorageException">It is gone.</exception>
    public ContainerRecord Change(ContainerRecord record, Func<ContainerRecord, ContainerRecord> change, CancellationToken cancellationToken)
    {
        using var turn = FileLock.Acquire(Path.Combine(store.Containers, ".changes.lock"), exclusive: true, cancellationToken);
        var changed = change(TryRead(record.Id) ?? throw ContainerLayer.Gone(record));
        var aside = Path.Combine(DirectoryOf(record.Id), ".container.json");
        try
        {
            File.Delete(aside);
            changed.Write(aside);
            File.Move(aside, RecordPath(record.Id), overwrite: true);
        }
        catch (DirectoryNotFoundException)
        {
            throw ContainerLayer.Gone(record);
        }

        return changed;
    }
}
