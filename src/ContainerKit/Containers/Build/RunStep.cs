using System.Collections.Immutable;
using System.Text;
using ContainerKit.Images;

namespace ContainerKit.Containers.Build;

/// <summary>Runs a command on what was built so far; what it changes is the layer.</summary>
/// <param name="command">The program and its arguments.</param>
/// <param name="settings">What was set before this step: the command runs with it.</param>
/// <param name="network">The network that the command sees.</param>
internal sealed class RunStep(ImmutableArray<string> command, ImmutableArray<Func<ImageConfig, ImageConfig>> settings, NetworkMode network) : BuildStep
{
    private const int LongestTail = 64 << 10;

    public override string Description => $"Run {string.Join(' ', command)}";

    public override async Task<StoredLayer> AddToAsync(BuildState below, CancellationToken cancellationToken)
    {
        var config = settings.Aggregate(below.Config, (current, setting) => setting(current)) with { Entrypoint = [], Command = command };
        var image = below.Catalog.Read(below.Catalog.AddDocuments(below.Lease, config, below.Layers, null), null);
        await using var container = await below.Host.Container(image).WithNetwork(network).WithoutImageVolumes().CreateAsync(cancellationToken).ConfigureAwait(false);
        await using (var running = await container.StartAsync(cancellationToken).ConfigureAwait(false))
        {
            await running.StandardInput.DisposeAsync().ConfigureAwait(false);
            var result = await ReadAsync(running, cancellationToken).ConfigureAwait(false);
            if (!result.ExitStatus.IsSuccess)
            {
                throw new CommandFailedException(command, result);
            }
        }

        return await container.AddLayerAsync(below.Catalog, below.Lease, below.Options, cancellationToken).ConfigureAwait(false);
    }

    // A build may write much; how it ended is what is read.
    private static async Task<CommandResult> ReadAsync(RunningContainer running, CancellationToken cancellationToken)
    {
        var output = ReadTailAsync(running.StandardOutput, cancellationToken);
        var error = ReadTailAsync(running.StandardError, cancellationToken);
        await Task.WhenAll(output, error).ConfigureAwait(false);
        var exit = await running.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
        return new CommandResult(exit, await output.ConfigureAwait(false), await error.ConfigureAwait(false));
    }

    private static async Task<string> ReadTailAsync(Stream stream, CancellationToken cancellationToken)
    {
        var buffer = new byte[2 * LongestTail];
        var length = 0;
        while (await stream.ReadAsync(buffer.AsMemory(length), cancellationToken).ConfigureAwait(false) is var count and > 0)
        {
            length += count;
            if (length == buffer.Length)
            {
                buffer.AsSpan(LongestTail).CopyTo(buffer);
                length = LongestTail;
            }
        }

        return Encoding.UTF8.GetString(buffer.AsSpan(Math.Max(0, length - LongestTail), Math.Min(length, LongestTail)));
    }
}
