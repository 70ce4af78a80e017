namespace ContainerKit.Registry;

/// <summary>Reads small answers whole: never more than they may have, and never for longer than a registry may be silent.</summary>
internal static class Body
{
    /// <exception cref="RegistryException">It has more.</exception>
    public static async Task<byte[]> ReadAsync(HttpResponseMessage response, int maxBytes, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (response.Content.Headers.ContentLength > maxBytes)
        {
            throw TooLong(response, maxBytes);
        }

        using var guard = new StallGuard(timeout, cancellationToken);
        return await guard.WaitAsync(async token =>
        {
            await using var content = await response.Content.ReadAsStreamAsync(token).ConfigureAwait(false);
            using var bytes = new MemoryStream();
            var buffer = new byte[16 << 10];
            for (int read; (read = await content.ReadAsync(buffer, token).ConfigureAwait(false)) > 0;)
            {
                bytes.Write(buffer, 0, read);
                if (bytes.Length > maxBytes)
                {
                    throw TooLong(response, maxBytes);
                }
            }

            return bytes.ToArray();
        }).ConfigureAwait(false);
    }

    private static RegistryException TooLong(HttpResponseMessage response, int maxBytes) =>
        new($"The answer of {response.RequestMessage?.RequestUri?.GetLeftPart(UriPartial.Authority)} is longer than the {maxBytes} bytes that it may have.");
}
