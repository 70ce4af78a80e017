using ContainerKit.Isolation;

namespace ContainerKit.Containers.Catalog;

// What is changed of a container after it was made.
internal sealed partial class ContainerInstance
{
    private DateTime _recordTime;

    /// <summary>Changes limits: of what runs, wherever it does, and of every start from now on.</summary>
    public void UpdateLimits(ResourceLimits changes, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            ThrowIfRemoved();
        }

        var changed = _catalog.Change(Record, record => record with { Options = record.Options with { Limits = Update(record, changes) } }, cancellationToken);
        lock (_gate)
        {
            (Record, _recordTime) = (changed, _catalog.RecordTime(changed.Id));
        }
    }

    private ResourceLimits Update(ContainerRecord record, ResourceLimits changes)
    {
        var before = record.Options.Limits ?? ResourceLimits.None;
        var after = before.With(changes);
        after.Check();
        if (_catalog.FindCgroup(record.Id) is { } group)
        {
            group.Update(before, changes);
        }
        else if (IsRunning())
        {
            throw new HostCapabilityException("cgroup", $"The limits of the container '{record.Label}' cannot be changed while it runs: it has no control group.")
            {
                Hint = "Change them while it does not run; or describe it with a limit or WithStatistics, which give it one.",
            };
        }

        return after;
    }

    /// <summary>Reads what is written down once more, should another process have changed it.</summary>
    private void Refresh()
    {
        if (_catalog.RecordTime(Record.Id) is var time && time != _recordTime && _catalog.TryRead(Record.Id) is { } record)
        {
            (Record, _recordTime) = (record, time);
        }
    }
}
