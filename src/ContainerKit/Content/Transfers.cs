using System.Runtime.ExceptionServices;

namespace ContainerKit.Content;

/// <summary>Does something to several things at once: the first failure stops the others, and is the one that is thrown.</summary>
internal static class Transfers
{
    public static async Task RunAsync<T>(IEnumerable<T> items, int atOnce, Func<T, CancellationToken, Task> transfer, CancellationToken cancellationToken)
    {
        ExceptionDispatchInfo? first = null;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var places = new SemaphoreSlim(atOnce);
        await Task.WhenAll(items.Select(OneAsync)).ConfigureAwait(false);
        first?.Throw();

        async Task OneAsync(T item)
        {
            try
            {
                await places.WaitAsync(stop.Token).ConfigureAwait(false);
                try
                {
                    await transfer(item, stop.Token).ConfigureAwait(false);
                }
                finally
                {
                    places.Release();
                }
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref first, ExceptionDispatchInfo.Capture(e), null);
                await stop.CancelAsync().ConfigureAwait(false);
            }
        }
    }
}
