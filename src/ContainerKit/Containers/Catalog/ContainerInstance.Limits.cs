using ContainerKit.Containers.Runs;
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

    /// <summary>Changes when its program is started again: that which runs, and every start from now on.</summary>
    public void UpdateRestart(RestartPolicy policy, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            ThrowIfRemoved();
        }

        var changed = _catalog.Change(
            Record,
            record =>
            {
                RequireRestart(record, policy);
                if (IsRunning() && RunningProcess.TryRead(_catalog.DirectoryOf(record.Id)) is { Supervisor: not null })
                {
                    RestartFiles.WritePolicy(_catalog.DirectoryOf(record.Id), policy);
                }

                return record with { Options = record.Options with { Restart = policy.Kind, MaximumRestarts = policy.MaximumRetries } };
            },
            cancellationToken);
        lock (_gate)
        {
            (Record, _recordTime) = (changed, _catalog.RecordTime(changed.Id));
        }
    }

    // One that runs in the foreground has kept the pipes of its program only where another was to have them.
    private void RequireRestart(ContainerRecord record, RestartPolicy policy)
    {
        if (policy.Kind == RestartKind.No)
        {
            return;
        }

        if (record.Options.Terminal is not null)
        {
            throw new HostCapabilityException("terminal-restart", $"The container '{record.Label}' cannot be started again by itself: its terminal ends with its program.")
            {
                Hint = "Make one without WithTerminal.",
            };
        }

        if (record.Options.Restart == RestartKind.No && IsRunning() && RunningProcess.TryRead(_catalog.DirectoryOf(record.Id)) is not { Supervisor: not null })
        {
            throw new HostCapabilityException("attached-restart", $"The restart policy of the container '{record.Label}' cannot be changed from 'no' while it runs in the foreground: the process that runs it keeps nothing for a further program.")
            {
                Hint = "Change it while it does not run, or describe it WithRestart; one that is detached can be changed at any time.",
            };
        }
    }

    /// <summary>Whether it is, or was, to be started again by itself, as far as is written down.</summary>
    private bool IsStartedAgain()
    {
        if (Record.Name is null)
        {
            return false;
        }

        Refresh();
        return Record.Options.Restart != RestartKind.No;
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
