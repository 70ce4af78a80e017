using System.Diagnostics;
using Ckit.CommandLine;

namespace Ckit.Output;

/// <summary>Shows how far long work is: one line on standard error, redrawn in place, on a terminal only.</summary>
internal sealed class ProgressBar : IProgress<ImageProgress>, IDisposable
{
    private const int Cells = 30;
    private const string ClearLine = "\r\e[K";
    private static readonly TimeSpan Redraw = TimeSpan.FromMilliseconds(80);

    private readonly Lock _gate = new();
    private readonly bool _isTerminal = Descriptors.IsTerminal(Descriptors.Error);
    private long _drawn;
    private bool _isShown;

    public void Report(ImageProgress value)
    {
        if (!_isTerminal || value.State == ImageProgressState.Waiting)
        {
            return;
        }

        lock (_gate)
        {
            if (Stopwatch.GetElapsedTime(_drawn) >= Redraw)
            {
                _drawn = Stopwatch.GetTimestamp();
                _isShown = true;
                Draw(Line(value));
            }
        }
    }

    /// <summary>Leaves no trace on the screen.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_isShown)
            {
                Draw("");
            }
        }
    }

    internal static string Line(ImageProgress progress)
    {
        var item = Digest.TryParse(progress.Item, out var digest) ? digest.Hex[..12] : Path.GetFileName(progress.Item);
        var (bar, amount) = progress switch
        {
            { BytesTotal: null or 0, BytesDone: 0 } => ("", ""),
            { BytesTotal: null or 0 } => ("", Sizes.Format(progress.BytesDone)),
            { Phase: ImagePhase.Unpacking, BytesTotal: { } layers } => (Bar(progress.BytesDone, layers), $"layer {progress.BytesDone + 1} of {layers}"),
            { BytesTotal: { } total } => (Bar(progress.BytesDone, total), $"{Sizes.Format(progress.BytesDone)} of {Sizes.Format(total)}"),
        };
        return $"{(progress.State == ImageProgressState.Verifying ? "Verifying" : $"{progress.Phase}"),-9} {item} {bar} {amount}";
    }

    private static string Bar(long done, long total)
    {
        var filled = (int)Math.Clamp(done * (double)Cells / total, 0, Cells);
        return $"[{new string('=', filled)}{new string(' ', Cells - filled)}]";
    }

    private static void Draw(string line) => Descriptors.Write(Descriptors.Error, Text.Encode(ClearLine + Text.Harmless(line, isTerminal: true)));
}
