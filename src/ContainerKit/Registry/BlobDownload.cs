using System.Buffers;
using System.Net;
using ContainerKit.Content;
using ContainerKit.Images;

namespace ContainerKit.Registry;

/// <summary>
/// Fetches a blob into a store: once, however many tasks and processes want it; from where an earlier attempt broke off; verified
/// while it arrives.
/// </summary>
internal sealed class BlobDownload(RegistryTransport transport, BlobStore blobs, IProgress<ImageProgress>? progress)
{
    private const int BufferBytes = 128 << 10;
    private const int MaxConnections = 1000;
    private const int MaxUrls = 16;

    /// <summary>Fetches a blob, unless it is here.</summary>
    /// <param name="sources">Who is asked, in order.</param>
    /// <param name="blob">The blob.</param>
    /// <param name="cancellationToken">Gives up; what has arrived stays for the next attempt.</param>
    /// <exception cref="RegistryException">Nobody has it, or nobody can be reached.</exception>
    /// <exception cref="ImageException">It is not what its descriptor says.</exception>
    public Task RunAsync(IReadOnlyList<RepositoryAddress> sources, Descriptor blob, CancellationToken cancellationToken) =>
        RunAsync(Requests(sources, blob), blob, cancellationToken);

    /// <summary>Fetches a foreign layer from where its descriptor says. Nobody there is told who we are.</summary>
    /// <inheritdoc cref="RunAsync(IReadOnlyList{RepositoryAddress}, Descriptor, CancellationToken)"/>
    public Task RunForeignAsync(Descriptor blob, CancellationToken cancellationToken) => blob.Urls is []
        ? throw new ImageException($"The foreign layer {blob.Digest} cannot be fetched: its image does not say where it is.")
        : RunAsync([.. blob.Urls.Take(MaxUrls).Select(url => Anonymous(url, blob))], blob, cancellationToken);

    private static IReadOnlyList<RegistryRequest> Requests(IReadOnlyList<RepositoryAddress> sources, Descriptor blob) =>
        [.. sources.Select(source => new RegistryRequest(source, HttpMethod.Get, source.Url($"blobs/{blob.Digest}")) { Scopes = [source.PullScope] })];

    private RegistryRequest Anonymous(string url, Descriptor blob)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("https" or "http"))
        {
            throw new ImageException($"The foreign layer {blob.Digest} cannot be fetched: '{RegistryErrors.Harmless(url)}' is no address of the web.");
        }

        // Whoever may be spoken to in plain HTTP may be so here as well, and nobody else.
        return new RegistryRequest(RegistryEndpoint.Of(address.Authority, transport.Options).At(""), HttpMethod.Get, address) { Scopes = [], IsAnonymous = true };
    }

    private async Task RunAsync(IReadOnlyList<RegistryRequest> sources, Descriptor blob, CancellationToken cancellationToken)
    {
        var reporter = ReporterOf(blob);
        var isFetched = false;
        if (!blobs.Has(blob))
        {
            var path = blobs.PathOfLock(blob.Digest);
            using var held = await FileLock.AcquireAsync(path, exclusive: true, cancellationToken).ConfigureAwait(false);
            if (!blobs.Has(blob))
            {
                await FetchAsync(sources, blob, reporter, cancellationToken).ConfigureAwait(false);
                isFetched = true;
            }

            RemoveLock(path);
        }

        reporter.End(isFetched);
    }

    /// <summary>Tells that a blob is to be fetched, unless it is here.</summary>
    public void Announce(Descriptor blob)
    {
        if (progress is not null && !blobs.Contains(blob.Digest))
        {
            ReporterOf(blob).Report(ImageProgressState.Waiting, 0);
        }
    }

    private ProgressReporter ReporterOf(Descriptor blob) => new(progress, ImagePhase.Reading, blob.Digest.ToString(), blob.Size);

    /// <summary>Fetches a blob that is damaged here. What is here stays until the other has come whole.</summary>
    /// <inheritdoc cref="RunAsync(IReadOnlyList{RepositoryAddress}, Descriptor, CancellationToken)"/>
    public async Task ReplaceAsync(IReadOnlyList<RepositoryAddress> sources, Descriptor blob, CancellationToken cancellationToken)
    {
        var reporter = ReporterOf(blob);
        var path = blobs.PathOfLock(blob.Digest);
        using var held = await FileLock.AcquireAsync(path, exclusive: true, cancellationToken).ConfigureAwait(false);
        await FetchAsync(Requests(sources, blob), blob, reporter, cancellationToken).ConfigureAwait(false);
        RemoveLock(path);
        reporter.End(moved: true);
    }

    /// <summary>Removes a lock's file, whose lock is held: who waits for it sees that, and takes the next. Elsewhere than on Linux the sweep does it.</summary>
    public static void RemoveLock(string path)
    {
        if (OperatingSystem.IsLinux())
        {
            File.Delete(path);
        }
    }

    private async Task FetchAsync(IReadOnlyList<RegistryRequest> sources, Descriptor blob, ProgressReporter reporter, CancellationToken cancellationToken)
    {
        using var part = blobs.Resume(blob, done => reporter.Report(ImageProgressState.Verifying, done), cancellationToken);
        if (part.Length > 0)
        {
            transport.Logger.Resuming(blob.Digest.ToString(), part.Length);
        }

        for (var i = 0; ; i++)
        {
            try
            {
                await FetchAsync(sources[i], blob, part, reporter, cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (ContainerKitException e) when (i + 1 < sources.Count)
            {
                transport.Logger.NextIsAsked(sources[i].Target.Endpoint.Name, blob.Digest.ToString(), e.Message);
            }
            catch (IOException e) when (FullDisk.IsCause(e))
            {
                // Kept for a day, it would keep the disk full for a day.
                part.Restart();
                throw;
            }
        }
    }

    private async Task FetchAsync(RegistryRequest source, Descriptor blob, PartialBlob part, ProgressReporter reporter, CancellationToken cancellationToken)
    {
        var wasHere = part.Length > 0;
        await FillAsync(source, blob, part, reporter, cancellationToken).ConfigureAwait(false);
        try
        {
            part.Commit();
        }
        catch (ImageException) when (wasHere)
        {
            // What an earlier attempt left may be what is damaged: that is no fault of this source's.
            await FillAsync(source, blob, part, reporter, cancellationToken).ConfigureAwait(false);
            part.Commit();
        }
    }

    private async Task FillAsync(RegistryRequest source, Descriptor blob, PartialBlob part, ProgressReporter reporter, CancellationToken cancellationToken)
    {
        var failures = 0;
        var furthest = part.Length;
        for (var connections = 1; part.Length < blob.Size; connections++)
        {
            var request = source with { From = part.Length };
            try
            {
                using var response = await transport.SendAsync(request, cancellationToken).ConfigureAwait(false);
                await ReceiveAsync(request, response, blob, part, reporter, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (e is HttpRequestException or EndOfStreamException or TimeoutException)
            {
                // Whoever moves on, however often the connection breaks, gets there; but not for ever by single bytes.
                failures = part.Length > furthest ? 1 : failures + 1;
                furthest = Math.Max(furthest, part.Length);
                if (connections >= MaxConnections || !await transport.PauseAsync(failures, null, request.Url, e.Message, cancellationToken).ConfigureAwait(false))
                {
                    throw new RegistryException($"The registry '{source.Target.Endpoint.Name}' gave {part.Length} of the {blob.Size} bytes of the blob {blob.Digest}, and then: {RegistryErrors.Harmless(e.Message)}.", e) { IsTransient = true };
                }
            }
        }
    }

    private async Task ReceiveAsync(RegistryRequest request, HttpResponseMessage response, Descriptor blob, PartialBlob part, ProgressReporter reporter, CancellationToken cancellationToken)
    {
        switch (response.StatusCode)
        {
            case HttpStatusCode.OK:
                if (part.Length > 0)
                {
                    // It cannot begin in the middle.
                    part.Restart();
                }

                RequireLength(blob, response.Content.Headers.ContentLength);
                break;
            case HttpStatusCode.PartialContent when response.Content.Headers.ContentRange is { From: { } from } range && from == part.Length:
                RequireLength(blob, range.Length);
                break;
            case HttpStatusCode.PartialContent when part.Length > 0:
                // It takes ranges and gives others: the whole is asked for next.
                part.Restart();
                throw new EndOfStreamException("it was asked for the rest, and answered with another piece");
            case HttpStatusCode.PartialContent:
                throw new RegistryException($"The registry '{request.Target.Endpoint.Name}' was asked for the blob {blob.Digest} from byte {part.Length}, and answered with another piece.");
            case HttpStatusCode.RequestedRangeNotSatisfiable when part.Length > 0:
                part.Restart();
                throw new ImageException($"The blob {blob.Digest} has less than the {blob.Size} bytes that its descriptor says.");
            default:
                throw await transport.RefusalAsync(request, response, $"the blob {blob.Digest} of '{request.Target}'", cancellationToken).ConfigureAwait(false);
        }

        await CopyAsync(response, blob, part, reporter, cancellationToken).ConfigureAwait(false);
    }

    private static void RequireLength(Descriptor blob, long? length)
    {
        if (length is { } said)
        {
            BlobStore.CheckSize(blob, said);
        }
    }

    private async Task CopyAsync(HttpResponseMessage response, Descriptor blob, PartialBlob part, ProgressReporter reporter, CancellationToken cancellationToken)
    {
        using var guard = new StallGuard(transport.Options.Timeout, cancellationToken);
        await using var content = await response.Content.ReadAsStreamAsync(guard.Token).ConfigureAwait(false);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            for (int read; (read = await ReadAsync(content, buffer, guard).ConfigureAwait(false)) > 0;)
            {
                part.Append(buffer.AsSpan(0, read));
                Telemetry.PulledBytes.Add(read);
                reporter.Report(part.Length);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        if (part.Length < blob.Size)
        {
            throw new EndOfStreamException($"the connection ended after {part.Length} of {blob.Size} bytes");
        }
    }

    // An IOException of the network's is told here from one of the disk's: only the former is worth another attempt.
    private static async Task<int> ReadAsync(Stream content, byte[] buffer, StallGuard guard)
    {
        try
        {
            var read = await guard.WaitAsync(token => content.ReadAsync(buffer, token).AsTask()).ConfigureAwait(false);
            guard.Moved(read);
            return read;
        }
        catch (IOException e)
        {
            throw new EndOfStreamException(e.Message, e);
        }
    }
}
