using System.Globalization;
using System.Net;
using System.Text;
using ContainerKit.Content;
using ContainerKit.Images;

namespace ContainerKit.Registry;

/// <summary>
/// Sends a blob to a registry: not at all when it has it, by a word when another of its repositories has it, and otherwise in pieces
/// that go on from where the last one broke off. OCI distribution specification, "Pushing a blob".
/// </summary>
internal sealed class BlobUpload(RegistryTransport transport, BlobStore blobs, RepositoryAddress target, IProgress<ImageProgress>? progress)
{
    // A small blob is sent with the request that ends its upload, which saves one.
    private const int SmallBytes = 256 << 10;
    private const int MaxSources = 4;

    /// <summary>Sends a blob, unless the registry has it.</summary>
    /// <param name="blob">The blob, which is in the store.</param>
    /// <param name="sources">Repositories of the registry that may have it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task RunAsync(Descriptor blob, IEnumerable<string> sources, CancellationToken cancellationToken)
    {
        var reporter = ReporterOf(blob);
        var isSent = false;
        var path = blobs.PathOfLock(Digest.Of(Encoding.UTF8.GetBytes($"{target} {blob.Digest}")));
        using var held = await FileLock.AcquireAsync(path, exclusive: true, cancellationToken).ConfigureAwait(false);
        if (!await IsThereAsync(blob, cancellationToken).ConfigureAwait(false))
        {
            var (isTaken, location) = await MountAsync(blob, sources, cancellationToken).ConfigureAwait(false);
            if (!isTaken)
            {
                await SendAsync(blob, location, reporter, cancellationToken).ConfigureAwait(false);
                isSent = true;
            }
        }

        BlobDownload.RemoveLock(path);
        reporter.End(isSent);
    }

    /// <summary>Tells that a blob is to be sent, if the registry does not have it.</summary>
    public void Announce(Descriptor blob) => ReporterOf(blob).Report(ImageProgressState.Waiting, 0);

    private ProgressReporter ReporterOf(Descriptor blob) => new(progress, ImagePhase.Writing, blob.Digest.ToString(), blob.Size);

    private async Task<bool> IsThereAsync(Descriptor blob, CancellationToken cancellationToken)
    {
        var request = Request(HttpMethod.Head, target.Url($"blobs/{blob.Digest}"));
        using var response = await transport.SendAsync(request, cancellationToken).ConfigureAwait(false);
        return response.StatusCode switch
        {
            HttpStatusCode.OK => true,
            HttpStatusCode.NotFound => false,
            _ => throw await transport.RefusalAsync(request, response, $"to say whether '{target}' has the blob {blob.Digest}", cancellationToken).ConfigureAwait(false),
        };
    }

    // A registry that does not want to take it from there opens an upload instead, or refuses: then it is sent.
    private async Task<(bool IsTaken, Upload? Upload)> MountAsync(Descriptor blob, IEnumerable<string> sources, CancellationToken cancellationToken)
    {
        foreach (var source in sources.Where(source => source != target.Name).Distinct().Take(MaxSources))
        {
            var address = target.Url($"blobs/uploads/?mount={blob.Digest}&from={Uri.EscapeDataString(source)}");
            var request = Request(HttpMethod.Post, address) with { Scopes = [target.PushScope, new RepositoryAddress(target.Endpoint, source).PullScope] };
            HttpResponseMessage response;
            try
            {
                response = await transport.SendAsync(request, cancellationToken).ConfigureAwait(false);
            }
            catch (RegistryException e) when (!e.IsTransient)
            {
                // No token that reads there: a blob can always be sent.
                continue;
            }

            using (response)
            {
                if (response.StatusCode == HttpStatusCode.Created)
                {
                    transport.Logger.Mounted(blob.Digest.ToString(), target.ToString(), source);
                    return (true, null);
                }

                if (response.StatusCode == HttpStatusCode.Accepted)
                {
                    return (false, UploadOf(response, address, 0));
                }
            }
        }

        return (false, null);
    }

    private async Task SendAsync(Descriptor blob, Upload? upload, ProgressReporter reporter, CancellationToken cancellationToken)
    {
        var failures = 0;
        var furthest = 0L;
        while (true)
        {
            upload ??= await BeginAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                while (blob.Size - upload.Sent > SmallBytes)
                {
                    upload = await SendPieceAsync(blob, upload, reporter, cancellationToken).ConfigureAwait(false);
                    if (upload.Sent > furthest)
                    {
                        // Who begins again and again gets nowhere: only what goes beyond all that was before is progress.
                        furthest = upload.Sent;
                        failures = 0;
                    }
                }

                await FinishAsync(blob, upload, reporter, cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (RegistryException e) when (e.IsTransient || e.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.RequestedRangeNotSatisfiable)
            {
                failures++;
                if (!await transport.PauseAsync(failures, e.RetryAfter, target.Url("blobs/uploads/"), e.Message, cancellationToken).ConfigureAwait(false))
                {
                    throw;
                }

                if (await IsThereAsync(blob, cancellationToken).ConfigureAwait(false))
                {
                    // Only the answer was lost.
                    return;
                }

                upload = await ResumeAsync(upload, blob, cancellationToken).ConfigureAwait(false);
                if (upload?.Sent > furthest)
                {
                    furthest = upload.Sent;
                    failures = 0;
                }
            }
        }
    }

    private async Task<Upload> BeginAsync(CancellationToken cancellationToken)
    {
        var address = target.Url("blobs/uploads/");
        var request = Request(HttpMethod.Post, address) with { Content = _ => new ByteArrayContent([]) };
        using var response = await transport.SendAsync(request, cancellationToken).ConfigureAwait(false);
        return response.StatusCode == HttpStatusCode.Accepted
            ? UploadOf(response, address, 0)
            : throw await transport.RefusalAsync(request, response, $"to take a blob into '{target}'", cancellationToken).ConfigureAwait(false);
    }

    private async Task<Upload> SendPieceAsync(Descriptor blob, Upload upload, ProgressReporter reporter, CancellationToken cancellationToken)
    {
        var count = Math.Min(blob.Size - upload.Sent, Math.Max(transport.Options.UploadChunkBytes ?? long.MaxValue, upload.LeastPiece));
        var request = Request(HttpMethod.Patch, upload.Location) with
        {
            IsTriedOnce = true,
            Content = signOfLife => Piece(blob, upload.Sent, count, reporter, signOfLife),
        };
        using var response = await transport.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode is not (HttpStatusCode.Accepted or HttpStatusCode.NoContent or HttpStatusCode.Created))
        {
            throw await transport.RefusalAsync(request, response, $"bytes {upload.Sent} to {upload.Sent + count - 1} of the blob {blob.Digest} for '{target}'", cancellationToken).ConfigureAwait(false);
        }

        // It may have taken less than it was sent, and says so.
        var taken = EndOf(response) is { } end && end > upload.Sent && end < upload.Sent + count ? end : upload.Sent + count;
        return UploadOf(response, upload.Location, taken) with { LeastPiece = upload.LeastPiece };
    }

    private async Task FinishAsync(Descriptor blob, Upload upload, ProgressReporter reporter, CancellationToken cancellationToken)
    {
        var address = new UriBuilder(upload.Location);
        address.Query = address.Query.TrimStart('?') is { Length: > 0 } query ? $"{query}&digest={blob.Digest}" : $"digest={blob.Digest}";
        var left = blob.Size - upload.Sent;
        var request = Request(HttpMethod.Put, address.Uri) with
        {
            IsTriedOnce = true,
            // Registries may move a blob, all of it, before they answer.
            Patience = 5,
            Content = signOfLife => left > 0 ? Piece(blob, upload.Sent, left, reporter, signOfLife) : new ByteArrayContent([]),
        };
        using var response = await transport.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode is not (HttpStatusCode.Created or HttpStatusCode.NoContent or HttpStatusCode.OK))
        {
            throw await transport.RefusalAsync(request, response, $"the blob {blob.Digest} for '{target}'", cancellationToken).ConfigureAwait(false);
        }

        if (RegistryDocument.SaidDigest(response) is { } said && !Is(blob, said, cancellationToken))
        {
            throw new RegistryException($"The registry '{target.Endpoint.Name}' stored the blob {blob.Digest} as {said}.");
        }
    }

    // Registries that name everything by sha256 take a blob under another name, and answer with theirs.
    private bool Is(Descriptor blob, Digest said, CancellationToken cancellationToken) => said == blob.Digest
        || (said.Algorithm != blob.Digest.Algorithm && blobs.DigestOf(blob, like: said, cancellationToken) == said);

    /// <summary>Asks how far a broken upload came; null: it is gone, or nobody knows.</summary>
    private async Task<Upload?> ResumeAsync(Upload upload, Descriptor blob, CancellationToken cancellationToken)
    {
        var request = Request(HttpMethod.Get, upload.Location);
        using var response = await transport.SendAsync(request, cancellationToken).ConfigureAwait(false);

        // "0-0" is one byte, or none: registries differ, and beginning again costs nothing then.
        return response.StatusCode is HttpStatusCode.NoContent or HttpStatusCode.Accepted && EndOf(response) is { } end && end > 1 && end <= blob.Size
            ? UploadOf(response, upload.Location, end) with { LeastPiece = upload.LeastPiece }
            : null;
    }

    private BlobSlice Piece(Descriptor blob, long from, long count, ProgressReporter reporter, Action signOfLife)
    {
        var piece = new BlobSlice(blobs, blob, from, count, sent =>
        {
            signOfLife();
            reporter.Report(sent);
        });
        if (from > 0 || count < blob.Size || blob.Size > SmallBytes)
        {
            // Not the form of RFC 9110, and so not one that .NET would spell.
            piece.Headers.TryAddWithoutValidation("Content-Range", string.Create(CultureInfo.InvariantCulture, $"{from}-{from + count - 1}"));
        }

        return piece;
    }

    private RegistryRequest Request(HttpMethod method, Uri address) => new(target, method, address) { Scopes = [target.PushScope] };

    private Upload UploadOf(HttpResponseMessage response, Uri before, long sent)
    {
        var least = response.Headers.TryGetValues("OCI-Chunk-Min-Length", out var values)
            && long.TryParse(values.FirstOrDefault(), NumberStyles.None, CultureInfo.InvariantCulture, out var minimum) ? minimum : 0;
        return response.Headers.Location is { } location
            ? new Upload(target.Endpoint.Resolve(before, location), sent, least)
            : sent > 0 ? new Upload(before, sent, least) : throw new RegistryException($"The registry '{target.Endpoint.Name}' opened an upload, and did not say where.");
    }

    // "Range: 0-99", with or without "bytes=", is a hundred bytes.
    private static long? EndOf(HttpResponseMessage response) =>
        response.Headers.TryGetValues("Range", out var values) && values.FirstOrDefault() is { } range
        && long.TryParse(range.AsSpan(range.LastIndexOf('-') + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var last) && last < long.MaxValue ? last + 1 : null;

    /// <summary>An upload that is under way.</summary>
    /// <param name="Location">Where it goes on.</param>
    /// <param name="Sent">How many bytes the registry has of it.</param>
    /// <param name="LeastPiece">The fewest bytes that it takes at once, but for the last.</param>
    private sealed record Upload(Uri Location, long Sent, long LeastPiece);
}
