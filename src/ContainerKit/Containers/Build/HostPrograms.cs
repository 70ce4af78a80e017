using System.Diagnostics;

namespace ContainerKit.Containers.Build;

/// <summary>
/// Finds everything that a program of the host needs to start elsewhere: its loader, its shared libraries, and every symlink on
/// the way to them, as they are. It asks the program's own loader what it would load, so that search paths, caches and
/// RPATHs count exactly as they do at a real start.
/// </summary>
internal sealed class HostPrograms
{
    private readonly SortedDictionary<string, HostPath> _found = new(StringComparer.Ordinal);

    /// <summary>One path of the host that belongs into the image.</summary>
    /// <param name="Path">Absolute, without symlinks in its parents.</param>
    /// <param name="LinkTarget">Where it points, exactly as stored, if it is a symlink.</param>
    public sealed record HostPath(string Path, string? LinkTarget);

    /// <summary>What was found so far, parents before children.</summary>
    public IEnumerable<HostPath> Found => _found.Values;

    /// <summary>Adds a program with all that it needs.</summary>
    /// <param name="program">An absolute path, or a name to look for in PATH.</param>
    /// <exception cref="ImageException">It is not there, or is no program, or a library that it needs is missing.</exception>
    public void Add(string program)
    {
        var path = Locate(program);
        var file = Follow(path);
        string? interpreter;
        try
        {
            using var stream = File.OpenRead(file);
            interpreter = ElfInterpreter.Read(stream);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new ImageException($"Cannot add the host's program '{path}': {e.Message}", e);
        }

        if (interpreter is null)
        {
            return;
        }

        if (IsScript(file))
        {
            Add(interpreter);
            return;
        }

        Follow(interpreter);
        foreach (var library in ListLibraries(interpreter, file))
        {
            Follow(library);
        }
    }

    private static bool IsScript(string file)
    {
        using var stream = File.OpenRead(file);
        return stream.ReadByte() == '#';
    }

    private static string Locate(string program)
    {
        if (program.Contains('/', StringComparison.Ordinal))
        {
            var full = Path.GetFullPath(program);
            return File.Exists(full) ? full : throw new ImageException($"Cannot add the host's program '{program}': there is no such file.");
        }

        return (Environment.GetEnvironmentVariable("PATH") ?? "/usr/bin:/bin").Split(':')
            .Where(directory => directory.StartsWith('/'))
            .Select(directory => Path.Combine(directory, program))
            .FirstOrDefault(File.Exists)
            ?? throw new ImageException($"Cannot add the host's program '{program}': it is in no directory of PATH.");
    }

    private static List<string> ListLibraries(string loader, string program)
    {
        // Both glibc's and musl's loaders answer --list as ldd does, and start nothing of the program itself.
        using var process = Process.Start(new ProcessStartInfo(loader, ["--list", program])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["LC_ALL"] = "C" },
        }) ?? throw new ImageException($"Cannot ask '{loader}' what '{program}' needs.");
        var error = process.StandardError.ReadToEndAsync();
        var answer = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new ImageException($"Cannot add the host's program '{program}': its loader says '{error.GetAwaiter().GetResult().Trim()}'.");
        }

        return ParseList(answer);
    }

    /// <summary>Reads lines such as <c>libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)</c> and <c>/lib64/ld-linux.so.2 (0x…)</c>.</summary>
    internal static List<string> ParseList(string answer)
    {
        var libraries = new List<string>();
        foreach (var line in answer.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.EndsWith("=> not found", StringComparison.Ordinal))
            {
                throw new ImageException($"A library that the program needs is missing on the host: {line[..line.IndexOf(' ', StringComparison.Ordinal)]}.");
            }

            var path = line[(line.IndexOf("=> ", StringComparison.Ordinal) is var arrow and >= 0 ? arrow + 3 : 0)..];
            var address = path.LastIndexOf(" (0x", StringComparison.Ordinal);
            path = address < 0 ? path : path[..address];
            if (path.StartsWith('/'))
            {
                libraries.Add(path);
            }
        }

        return libraries;
    }

    /// <summary>Notes every directory, symlink and file on the way to a path.</summary>
    /// <returns>The path without symlinks.</returns>
    private string Follow(string path)
    {
        var waiting = new Stack<string>(path.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse());
        var real = "";
        for (var steps = 0; waiting.TryPop(out var component); steps++)
        {
            if (steps > 400)
            {
                throw new ImageException($"Cannot add the host's '{path}': its symlinks never end.");
            }

            if (component is ".")
            {
                continue;
            }

            if (component is "..")
            {
                real = real[..Math.Max(real.LastIndexOf('/'), 0)];
                continue;
            }

            var next = $"{real}/{component}";
            var target = new FileInfo(next).LinkTarget;
            _found[next] = new HostPath(next, target);
            if (target is null)
            {
                real = next;
                continue;
            }

            real = target.StartsWith('/') ? "" : real;
            foreach (var part in target.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse())
            {
                waiting.Push(part);
            }
        }

        return real;
    }
}
