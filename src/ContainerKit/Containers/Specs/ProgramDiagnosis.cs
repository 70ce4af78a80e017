using System.Buffers.Binary;
using System.Runtime.Versioning;
using ContainerKit.Containers.Build;
using ContainerKit.Containers.Catalog;
using ContainerKit.Isolation;
using ContainerKit.Storage;
using ContainerKit.Storage.Union;

namespace ContainerKit.Containers.Specs;

/// <summary>Says why the kernel did not start a program that is there: the interpreter it asks for is not, or it is for another processor.</summary>
[SupportedOSPlatform("linux")]
internal static class ProgramDiagnosis
{
    // ELF, "Machine": as Go names the processors.
    private static readonly Dictionary<int, string> Architectures = new()
    {
        [3] = "386",
        [21] = "ppc64le",
        [22] = "s390x",
        [40] = "arm",
        [62] = "amd64",
        [183] = "arm64",
        [243] = "riscv64",
        [258] = "loong64",
    };

    /// <summary>The failure of a launch, with the reason where there is one to be found.</summary>
    public static IsolationException Explain(ContainerCatalog catalog, ContainerRecord record, SnapshotLease lease, IsolationSpec spec, IsolationException failure)
    {
        // The kernel says of a script that it is not there when its interpreter is not.
        using var tree = catalog.Snapshots.OpenTree(lease);
        return Explain(tree, spec, () => catalog.Images.Catalog.Find(record.ImageDigest)?.Config.Platform) is { } reason
            ? new IsolationException($"The container cannot start: {reason}", failure) { Step = failure.Step, ExitCode = failure.ExitCode }
            : failure;
    }

    /// <summary>The reason, as the end of a sentence; null when the kernel's own words are the best there are.</summary>
    /// <param name="tree">The container's files.</param>
    /// <param name="spec">What was to be started.</param>
    /// <param name="platform">Looks up what the image says that it is for.</param>
    public static string? Explain(UnionTree tree, IsolationSpec spec, Func<Platform?> platform)
    {
        if (Find(tree, spec) is not { } path)
        {
            return null;
        }

        using var program = new FileStream(tree.OpenRead(path), FileAccess.Read, bufferSize: 0);
        if (ArchitectureOf(program) is { } architecture && architecture != Platform.Host.Architecture)
        {
            return platform() is { } wanted && wanted.Architecture == architecture
                ? $"the image is for {wanted}, and this machine is {Platform.Host}."
                : $"'{path}' is a program for {architecture}, and this machine is {Platform.Host}.";
        }

        program.Position = 0;
        return InterpreterOf(program) is { Length: > 0 } interpreter && !IsFile(tree, Absolute(interpreter, spec))
            ? interpreter[^1] == '\r'
                ? $"the lines of '{path}' end as those of Windows do, and there is no interpreter '{interpreter.TrimEnd('\r')}\\r' in the container."
                : $"'{path}' needs the interpreter '{interpreter}', which is not in the container."
            : null;
    }

    // Where something is mounted, the container's own files are not what the program would have seen.
    private static string? Find(UnionTree tree, IsolationSpec spec)
    {
        var name = spec.Process.Arguments[0];
        var variable = spec.Process.Environment.FirstOrDefault(item => item.StartsWith("PATH=", StringComparison.Ordinal)) ?? "PATH=";
        var places = name.Contains('/', StringComparison.Ordinal) ? [name] : variable["PATH=".Length..].Split(':').Select(place => $"{place}/{name}");
        return places.Select(place => Absolute(place, spec))
            .FirstOrDefault(path => !spec.Mounts.Any(mount => path.StartsWith(mount.Target.TrimEnd('/') + "/", StringComparison.Ordinal)) && IsFile(tree, path));
    }

    private static string Absolute(string path, IsolationSpec spec) => path.StartsWith('/') ? path : $"{spec.Process.WorkingDirectory.TrimEnd('/')}/{path}";

    private static bool IsFile(UnionTree tree, string path) => tree.TryStat(path, followSymlink: true, out var entry) == 0 && entry.Kind == FileKind.File;

    private static string? ArchitectureOf(Stream program)
    {
        Span<byte> head = stackalloc byte[20];
        if (program.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) < head.Length || !head.StartsWith("\u007fELF"u8))
        {
            return null;
        }

        // The fifth byte says 32 or 64 bits, the sixth in which order the bytes of numbers stand.
        int machine = head[5] == 2 ? BinaryPrimitives.ReadUInt16BigEndian(head[18..]) : BinaryPrimitives.ReadUInt16LittleEndian(head[18..]);
        return Architectures.GetValueOrDefault(machine);
    }

    private static string? InterpreterOf(Stream program)
    {
        try
        {
            return ElfInterpreter.Read(program);
        }
        catch (InvalidDataException)
        {
            // It is no program at all, and the kernel has said so.
            return null;
        }
    }
}
