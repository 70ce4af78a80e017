using System.Collections.Concurrent;

namespace ContainerKit.Tests.Registry;

/// <summary>Keeps every report of progress, in order.</summary>
internal sealed class Recorder : IProgress<ImageProgress>
{
    private readonly ConcurrentQueue<ImageProgress> _reports = new();

    public IReadOnlyList<ImageProgress> Of(Digest digest) => [.. _reports.Where(report => report.Item == digest.ToString())];

    public void Report(ImageProgress value) => _reports.Enqueue(value);
}
