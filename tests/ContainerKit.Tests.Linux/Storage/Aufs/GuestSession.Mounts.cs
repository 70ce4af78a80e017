using System.Diagnostics;
using System.Text.Json;

namespace ContainerKit.Tests.Linux.Storage.Aufs;

/// <content>Mounts, remounts and unmounts, and programs.</content>
internal sealed partial class GuestSession
{
    public const string MountPoint = "/mnt";

    private readonly UnionProgram _program;
    private string? _ownOptions;

    /// <summary>Mounts the union of the scenario.</summary>
    /// <returns><c>ok</c>, or the name of the error.</returns>
    public string Mount(string options)
    {
        _ownOptions ??= options;
        _inodes.Forget();
        return _program.Mount(MountPoint, options);
    }

    /// <inheritdoc cref="Mount"/>
    public static string Unmount() => UnionProgram.Unmount(MountPoint);

    private void AddMounts()
    {
        _verbs["mount"] = (op, _) => Must(Mount(Has(op, 1) ? op[1].GetString()! : _ownOptions!));
        _verbs["umount"] = (_, _) => Must(Unmount());
        _verbs["remount"] = (op, _) => Must(Remount(op[1].GetString()!));
        _verbs["mounton"] = (op, _) => Must(MountOn(op[1].GetString()!, op[2].GetString()!));
        _verbs["umounton"] = (op, _) => Must(UnionProgram.Unmount(op[1].GetString()!));
    }

    private string MountOn(string target, string options)
    {
        Directory.CreateDirectory(target);
        return _program.Mount(target, options);
    }

    private string Remount(string options) => _program.Mount(MountPoint, $"remount,{options}");

    private static string Must(string result) => result == "ok" ? Nothing : throw new GuestException(result);

    private static string Execute(JsonElement operation, JsonElement recorded)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", operation[1].GetString()!])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["PATH"] = Busybox.Path },
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return Observation.OfProgram(process.ExitCode, output + errors.Result);
    }
}
