using Ckit.CommandLine;

namespace Ckit.Output;

/// <summary>A file for the time of one command: an archive is read and written in no order that a pipe could have.</summary>
internal sealed class SpooledFile : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("ckit-").FullName;

    private SpooledFile()
    {
    }

    public string Path => System.IO.Path.Combine(_directory, "archive");

    /// <summary>One that somebody is going to make.</summary>
    public static SpooledFile Nothing() => new();

    /// <summary>All of standard input.</summary>
    /// <exception cref="UsageException">Standard input is a terminal.</exception>
    public static SpooledFile OfInput()
    {
        if (Descriptors.IsTerminal(Descriptors.Input))
        {
            throw new UsageException("Nothing comes from a terminal that could be loaded: name a file with -i, or redirect one.");
        }

        using var input = Console.OpenStandardInput();
        return Of(input);
    }

    /// <summary>All of a named pipe, or whatever else can be read once only; null for a file or directory, which needs no copy.</summary>
    public static SpooledFile? OfPipe(string path)
    {
        if (Directory.Exists(path))
        {
            return null;
        }

        // Opened once: a pipe that is closed and opened again has lost its writer.
        using var input = File.OpenRead(path);
        return input.CanSeek ? null : Of(input);
    }

    private static SpooledFile Of(Stream input)
    {
        var spooled = new SpooledFile();
        try
        {
            using var file = File.Create(spooled.Path);
            input.CopyTo(file, 1 << 17);
            return spooled;
        }
        catch
        {
            spooled.Dispose();
            throw;
        }
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
