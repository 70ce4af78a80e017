namespace ContainerKit.Storage;

// Whether what is written down about snapshots makes sense. Their files cannot be checked: nothing says what they should be.
internal sealed partial class SnapshotStore
{
    /// <summary>Reads every snapshot's record and looks for what the snapshot is built on.</summary>
    /// <param name="problems">Gets a sentence for each that is damaged.</param>
    /// <param name="ct">Stops between two.</param>
    /// <returns>How many snapshots there are.</returns>
    public int Check(ICollection<string> problems, CancellationToken ct)
    {
        using var store = LockStore(exclusive: false, ct);
        var names = Directory.EnumerateDirectories(_directory).Select(path => Path.GetFileName(path)).Where(name => SnapshotNames.KindOf(name) is not null).ToList();
        foreach (var name in names)
        {
            ct.ThrowIfCancellationRequested();
            try
            {
                if (FindProblem(name) is { } problem)
                {
                    problems.Add(problem);
                }
            }
            catch (Exception e) when (e is StorageException or IOException or UnauthorizedAccessException)
            {
                problems.Add($"The snapshot '{Path.Combine(_directory, name)}' cannot be read: {e.Message}");
            }
        }

        return names.Count;
    }

    private string? FindProblem(string directoryName)
    {
        if (TryRead(directoryName) is not { } snapshot)
        {
            // It may have been removed meanwhile.
            var directory = Path.Combine(_directory, directoryName);
            return Directory.Exists(directory) ? $"The snapshot '{directory}' has lost the record of what it is." : null;
        }

        return snapshot.Parents.FirstOrDefault(parent => !Directory.Exists(parent.Directory)) is { } missing
            ? $"The snapshot '{snapshot}' is built on '{missing}', which is gone."
            : null;
    }
}
