using System.Runtime.Versioning;
using ContainerKit.Images;

namespace ContainerKit.Containers;

/// <summary>Looks at everything in a store, and says what is not as it should be. It changes nothing.</summary>
internal static class StoreChecker
{
    public static StoreCheck Check(ImageCatalog images, ContainerCatalog? containers, CancellationToken cancellationToken)
    {
        var inImages = new ImageChecker(images, cancellationToken);
        inImages.Run();
        var problems = inImages.Problems.ToList();
        var (snapshotCount, containerCount) = OperatingSystem.IsLinux() && containers is not null
            ? (containers.Snapshots.Check(problems, cancellationToken), CheckContainers(containers, problems, cancellationToken))
            : (0, 0);
        return new StoreCheck
        {
            Images = inImages.Images,
            Blobs = inImages.Blobs,
            Bytes = inImages.Bytes,
            Snapshots = snapshotCount,
            Containers = containerCount,
            Problems = problems,
        };
    }

    [SupportedOSPlatform("linux")]
    private static int CheckContainers(ContainerCatalog containers, List<string> problems, CancellationToken cancellationToken)
    {
        var ids = containers.Ids().ToList();
        foreach (var id in ids)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (FindProblem(containers, id) is { } problem)
            {
                problems.Add(problem);
            }
        }

        return ids.Count;
    }

    [SupportedOSPlatform("linux")]
    private static string? FindProblem(ContainerCatalog containers, string id)
    {
        try
        {
            // One that another driver made has its layer in that driver's part of the store.
            return containers.TryRead(id) is { } record && record.Driver == containers.Snapshots.Driver.Name && containers.Snapshots.TryFind(id) is null
                && containers.TryRead(id) is not null
                ? $"The container '{record.Name ?? id[..12]}' has lost its files."
                : null;
        }
        catch (Exception e) when (e is StorageException or IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }
}
