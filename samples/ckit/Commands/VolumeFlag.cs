using Ckit.CommandLine;

namespace Ckit.Commands;

/// <summary>What docker's <c>--volume</c> means: a bind mount, a volume, or a volume without a name.</summary>
internal static class VolumeFlag
{
    /// <summary><c>SRC:DST</c>, with options behind it; where the source is no path, a volume of that name; <c>DST</c> alone, one without a name.</summary>
    public static ContainerBuilder Apply(ContainerBuilder container, string volume) => volume.Split(':') switch
    {
        [['/', ..] target] => container.WithAnonymousVolume(target),
        [{ Length: > 0 } from, { Length: > 0 } to] => Add(container, from, to, []),
        [{ Length: > 0 } from, { Length: > 0 } to, var options] => Add(container, from, to, options.Split(',', StringSplitOptions.RemoveEmptyEntries)),
        _ => throw new UsageException($"'{volume}' is neither a bind mount nor a volume: write SRC:DST or NAME:DST, with :ro behind it, or DST."),
    };

    private static ContainerBuilder Add(ContainerBuilder container, string source, string target, string[] options) =>
        source.Contains('/', StringComparison.Ordinal) || source is "." or ".." ? Bind(container, source, target, options) : Named(container, source, target, options);

    private static ContainerBuilder Bind(ContainerBuilder container, string source, string target, string[] options)
    {
        if (!Path.Exists(source))
        {
            throw new UsageException($"Cannot show '{source}' in the container: it does not exist.");
        }

        var how = options.Aggregate(new BindMountOptions(), static (how, option) => option switch
        {
            "ro" => how with { ReadOnly = true },
            "rw" => how with { ReadOnly = false },
            "rprivate" or "private" => how with { Propagation = MountPropagation.Private },
            "rslave" => how with { Propagation = MountPropagation.Slave },
            "rshared" => how with { Propagation = MountPropagation.Shared },
            "idmap" => how with { IdMapped = true },
            _ => throw new UsageException($"A bind mount can be ro or rw, rprivate, rslave or rshared, and idmap; not '{option}'."),
        });
        return container.WithBindMount(source, target, how);
    }

    private static ContainerBuilder Named(ContainerBuilder container, string name, string target, string[] options)
    {
        var readOnly = options.Aggregate(false, static (_, option) => option switch
        {
            "ro" => true,
            "rw" => false,
            _ => throw new UsageException($"A volume can be 'ro' or 'rw', not '{option}'."),
        });
        return container.WithVolume(name, target, readOnly);
    }
}
