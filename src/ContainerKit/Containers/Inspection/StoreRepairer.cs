using System.Globalization;
using System.Runtime.Versioning;
using ContainerKit.Containers.Catalog;
using ContainerKit.Content;
using ContainerKit.Images;
using ContainerKit.Registry;

namespace ContainerKit.Containers.Inspection;

/// <summary>
/// Puts right what an inspection finds: the list of images from its copy, blobs from where they came from, snapshots from their layers. What is
/// whole is not touched. What is damaged stays until the other is there, or, where it can be made again at any time, goes first: so whoever dies
/// on the way leaves nothing that is worse.
/// </summary>
internal sealed class StoreRepairer(
    StoreLayout store, ImageCatalog images, RegistryTransport transport, ContainerCatalog? containers, RepairOptions options, IProgress<ImageProgress>? progress, CancellationToken cancellationToken)
{
    // A snapshot that is unpacked again may show that another one below it is damaged.
    private const int MaxRounds = 3;

    private readonly StoreInspection _inspection = new(images, containers, cancellationToken);
    private readonly List<string> _repaired = [];

    // By the sentence that says what is wrong: why it still is, and what helps.
    private readonly Dictionary<string, (string Why, string? Hint)> _failures = new(StringComparer.Ordinal);

    public async Task<StoreRepair> RunAsync()
    {
        // Whoever repairs at the same time would fetch the same things, and take away what the other has just unpacked.
        using var turn = await FileLock.AcquireAsync(Path.Combine(store.Root, ".repair.lock"), exclusive: true, cancellationToken).ConfigureAwait(false);
        using var lease = await images.LeaseAsync(cancellationToken).ConfigureAwait(false);
        _inspection.Run();
        var found = _inspection.Result();
        if (!found.IsSound)
        {
            RepairLayout();
            await RepairBlobsAsync().ConfigureAwait(false);
            if (OperatingSystem.IsLinux() && containers is not null)
            {
                RepairSnapshots(containers);
            }

            _inspection.Run();
        }

        return new StoreRepair
        {
            Found = found,
            Repaired = _repaired,
            Remaining = [.. _inspection.Problems.Distinct().Select(problem => _failures.TryGetValue(problem, out var failure) ? new StoreDamage($"{problem} {failure.Why}", failure.Hint) : new StoreDamage(problem, _inspection.Containers.Contains(problem) ? "Nothing else has what was in it: remove the container." : null))],
        };
    }

    private void RepairLayout()
    {
        if (!images.Index.HasLayout)
        {
            var sentence = _inspection.Images.Problems[0].Sentence;
            images.Index.WriteLayout();
            _repaired.Add($"{sentence} It was written again.");
        }

        if (!_inspection.Images.HasNoIndex)
        {
            return;
        }

        var problem = _inspection.Images.Problems[^1].Sentence;
        if (images.Index.Restore(cancellationToken) is { } time)
        {
            _repaired.Add($"{problem} It was replaced by the copy that was made at {time.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)} UTC.");
            _inspection.Images.Run();
        }
        else
        {
            _failures[problem] = ("There is no copy of it that can be read.", "The blobs are kept; pull, load or import the images again, so that they have names.");
        }
    }

    private async Task RepairBlobsAsync()
    {
        var refetch = new BlobRefetch(transport, images, progress);
        var tried = new HashSet<Digest>();

        // What a damaged manifest or index names is known when it is here again.
        while (_inspection.Images.Problems.Where(problem => problem.Blob is { } blob && tried.Add(blob.Digest)).ToList() is { Count: > 0 } damaged)
        {
            foreach (var problem in damaged)
            {
                await RepairBlobAsync(refetch, problem.Sentence, problem.Blob!).ConfigureAwait(false);
            }

            _inspection.Images.Run();
        }
    }

    private async Task RepairBlobAsync(BlobRefetch refetch, string problem, Descriptor blob)
    {
        try
        {
            await refetch.RunAsync([.. images.Blobs.Sources.Of(blob.Digest), .. options.Repositories], blob, cancellationToken).ConfigureAwait(false);
            _inspection.Images.Forget(blob.Digest);
            _repaired.Add($"{problem} It was fetched again.");
        }
        catch (ContainerKitException e)
        {
            Fail(e.Message, e.Hint);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Fail(FullDisk.IsCause(e) ? FullDisk.Describe(e, images.Blobs.Root).Reason : e.Message, FullDisk.IsCause(e) ? FullDisk.Describe(e, images.Blobs.Root).Hint : null);
        }

        // Other images with the same blob have sentences of their own.
        void Fail(string why, string? hint)
        {
            foreach (var same in _inspection.Images.Problems.Where(other => other.Blob?.Digest == blob.Digest))
            {
                _failures[same.Sentence] = ($"It cannot be fetched again: {why}", hint ?? "Repair once more when its registry can be reached; or name another repository that has it (RepairOptions.Repositories, ckit check --repair --from).");
            }
        }
    }

    [SupportedOSPlatform("linux")]
    private void RepairSnapshots(ContainerCatalog containers)
    {
        _inspection.RunOnSnapshots(containers);
        for (var round = 0; round < MaxRounds && _inspection.Snapshots.Count > 0; round++)
        {
            var before = _inspection.Snapshots.ToList();
            new SnapshotRepair(containers, [.. _inspection.Images.Sound], canTellAll: _inspection.Images.Problems.Count == 0, _failures, cancellationToken).Run(before);
            _inspection.RunOnSnapshots(containers);
            var left = _inspection.Snapshots.Select(damage => damage.Problem).ToHashSet();
            var done = before.Select(damage => damage.Problem).Where(problem => !left.Contains(problem)).ToList();
            _repaired.AddRange(done.Select(problem => $"{problem} It was unpacked again."));
            if (done.Count == 0)
            {
                return;
            }
        }
    }
}
