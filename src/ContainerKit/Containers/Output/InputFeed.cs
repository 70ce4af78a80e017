namespace ContainerKit.Containers.Output;

/// <summary>Copies a stream into a program's standard input, and ends that.</summary>
internal static class InputFeed
{
    public static async Task PumpAsync(Stream source, Stream input)
    {
        try
        {
            await source.CopyToAsync(input).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The program ended, or closed its input, before it had read everything: that is its right.
        }
        finally
        {
            await input.DisposeAsync().ConfigureAwait(false);
        }
    }
}
