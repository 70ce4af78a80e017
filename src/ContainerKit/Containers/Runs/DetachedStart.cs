using System.Runtime.Versioning;
using ContainerKit.Containers.Catalog;
using ContainerKit.Containers.Layering;
using ContainerKit.Containers.Specs;
using ContainerKit.Content;
using ContainerKit.Isolation;
using ContainerKit.Isolation.Cgroups;
using ContainerKit.Linux;
using ContainerKit.Storage;
using ContainerKit.Storage.Union;

namespace ContainerKit.Containers.Runs;

/// <summary>Starts a container that outlives this process: under a supervisor, which gets the locks, and leaves the rest to whoever looks.</summary>
[SupportedOSPlatform("linux")]
internal static class DetachedStart
{
    public static async Task<OutsideRun> StartAsync(
        ContainerCatalog catalog, ContainerRecord record, IReadOnlyList<string> command, StartOptions options, CancellationToken cancellationToken)
    {
        ContainerRun.RequireCommand(record, command);
        if (record.Options.StandardInput is not null)
        {
            throw new StorageException($"The container '{record.Label}' cannot be detached: this process feeds its standard input.") { Hint = "Leave WithStandardInput out; a detached program's input is empty, or with WithOpenInput whoever attaches feeds it." };
        }

        if (record.Options.Terminal is not null)
        {
            throw new HostCapabilityException("detached-terminal", $"The container '{record.Label}' cannot be detached: the process that starts it holds the outer side of its terminal, which hangs up when that ends.")
            {
                Hint = "Leave WithTerminal out; StartExecAsync gives a program in a detached container a terminal.",
            };
        }

        if (record.Options.Network == NetworkMode.Pasta)
        {
            throw new HostCapabilityException("detached-pasta", $"The container '{record.Label}' cannot be detached: its pasta, which is its way out, ends with the process that starts it.")
            {
                Hint = "Give it the host's network, or none.",
            };
        }

        if (record.Options.PublishedPorts.Any(port => NeedsForwarder(record, port)))
        {
            throw new HostCapabilityException("detached-ports", $"The container '{record.Label}' cannot be detached: the process that starts it forwards its published ports, and they end with that.")
            {
                Hint = "Use NetworkMode.Bridge, where the kernel forwards IPv4 ports; or leave the ports out and use OpenTcpAsync from wherever it is attached to; or give it the host's network.",
            };
        }

        using var lease = ContainerLayer.Acquire(catalog, record, cancellationToken);
        var directory = catalog.DirectoryOf(record.Id);
        Cgroup? cgroup = null;
        RunNetwork? network = null;
        RunVolumes? volumes = null;
        try
        {
            var user = UserLookup.Resolve(catalog.Snapshots, lease, record.Options.User ?? record.Image.User);
            var mounts = catalog.Snapshots.Mounts(lease);
            if (mounts is [{ Type: UnionMount.Type }])
            {
                throw new HostCapabilityException("detached-union", $"The container '{record.Label}' cannot be detached: its files are served by the process that starts it, and end with that.")
                {
                    Hint = "Keep containers that are to outlive their host in a store with the driver overlay or vfs.",
                };
            }

            volumes = await RunVolumes.TakeAsync(catalog, record, lease, cancellationToken).ConfigureAwait(false);
            network = await RunNetwork.TakeAsync(catalog, record, cancellationToken).ConfigureAwait(false);
            cgroup = catalog.CreateCgroup(record);
            var spec = SpecFactory.Create(catalog, record, command, user, mounts, cgroup, [.. network.Mounts, .. volumes.Mounts]);
            ExitRecord.Erase(directory);
            RestartFiles.Erase(directory);
            RestartFiles.WritePolicy(directory, record.Options.ToRestartPolicy());
            using var state = FileCalls.Local.Open(null, directory, OpenFlags.Directory, resolve: Resolve.Host);
            var log = new FileInfo(Path.Combine(directory, SupervisorSteps.LogName));
            var supervision = new Supervision
            {
                Spec = new SupervisorSpec
                {
                    LogLimit = options.MaxLogBytes,
                    KeepsInput = record.Options.HasOpenInput,
                    LogSize = log.Exists ? log.Length : 0,
                    MemoryEvents = cgroup?.MemoryEvents,
                    Directories = cgroup?.PathsAtEnd ?? [],
                    File = cgroup?.BookkeepingFile,
                },
                StateDirectory = state,
                Held = [.. lease.Locks, .. cgroup?.Locks ?? [], .. network.Locks, .. volumes.Locks],
                Network = network.Connect,
                Known = supervisor => new RunningProcess(null, ProcessIdentity.TryFind(supervisor)).Write(directory),
            };
            var process = await LaunchAsync(catalog, record, lease, spec, supervision, cancellationToken).ConfigureAwait(false);
            if (record.Options.Restart == RestartKind.No)
            {
                await WriteDownAsync(process, directory).ConfigureAwait(false);
            }

            cgroup?.HandOver();
            network.HandOver();
            volumes.Dispose();
            catalog.Logger.Started(record.Id, process.ProcessId);
            var input = record.Options.HasOpenInput && ProcessIdentity.TryFind(process.SupervisorId) is { } supervisor ? SupervisedInput.TryOpen(supervisor) : null;
            return new OutsideRun(catalog, record, spec, process.ProcessId, process.Handle, process.Supervisor, isSupervised: true, input);
        }
        catch (Exception e)
        {
            // What did not come to run has not ended either.
            cgroup?.Dispose();
            network?.Dispose();
            volumes?.Dispose();
            RunningProcess.Erase(directory);
            ExitRecord.Erase(directory);
            RestartFiles.Erase(directory);
            if (FullDisk.IsCause(e))
            {
                throw FullDisk.ToStorage(e, $"start the container '{record.Label}'", catalog.StoreDirectory);
            }

            throw;
        }
    }

    // With the host's network, a port that keeps its number needs nobody, and in a network of the store's the kernel translates IPv4.
    private static bool NeedsForwarder(ContainerRecord record, PublishedPort port) => record.Options.Network switch
    {
        NetworkMode.Host => port.HostPort != port.ContainerPort,
        NetworkMode.Bridge => port.Address.Contains(':', StringComparison.Ordinal),
        _ => true,
    };

    private static async Task WriteDownAsync(SupervisedProcess process, string directory)
    {
        try
        {
            new RunningProcess(ProcessIdentity.TryFind(process.ProcessId), ProcessIdentity.TryFind(process.SupervisorId))
                .Write(directory, RunningProcess.StartOf(directory));
        }
        catch
        {
            // It runs, and nobody would find it.
            ProcessTree.Kill(process.SupervisorId);
            await ProcessIdentity.WaitAsync(process.Supervisor, CancellationToken.None).ConfigureAwait(false);
            process.Handle.Dispose();
            process.Supervisor.Dispose();
            throw;
        }
    }

    private static async Task<SupervisedProcess> LaunchAsync(
        ContainerCatalog catalog, ContainerRecord record, SnapshotLease lease, IsolationSpec spec, Supervision supervision, CancellationToken cancellationToken)
    {
        try
        {
            return await catalog.Engine.StartSupervisedAsync(spec, supervision, cancellationToken).ConfigureAwait(false);
        }
        catch (IsolationException e) when (e.ExitCode is 126 or 127)
        {
            throw ProgramDiagnosis.Explain(catalog, record, lease, spec, e);
        }
    }
}
