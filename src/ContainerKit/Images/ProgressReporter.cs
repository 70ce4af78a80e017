namespace ContainerKit.Images;

/// <summary>Tells how far something is, often enough for a progress bar and not for every buffer.</summary>
internal sealed class ProgressReporter(IProgress<ImageProgress>? progress, ImagePhase phase, string item, long? total)
{
    private const long Step = 1 << 20;

    private long _reported = -1;

    public void Report(long done)
    {
        if (progress is not null && (_reported < 0 || done - _reported >= Step || done == total) && done != _reported)
        {
            _reported = done;
            progress.Report(new ImageProgress(phase, item, done, total));
        }
    }

    /// <summary>Tells how it stands, whatever was told before.</summary>
    public void Report(ImageProgressState state, long done) => progress?.Report(new ImageProgress(phase, item, done, total) { State = state });

    /// <summary>Tells that it has come to its end, which is the last that is told.</summary>
    /// <param name="moved">Whether it had to be moved.</param>
    public void End(bool moved) => Report(moved ? ImageProgressState.Done : ImageProgressState.AlreadyThere, total ?? 0);
}
