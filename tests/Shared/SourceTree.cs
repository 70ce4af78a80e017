namespace ContainerKit.Tests.Shared;

/// <summary>The repository that these tests were built from, for tests that read it or build something of it.</summary>
internal static class SourceTree
{
    private static readonly Lazy<string?> Found = new(() =>
    {
        var directory = AppContext.BaseDirectory;
        while (directory is not null && !File.Exists(Path.Combine(directory, "ContainerKit.sln")))
        {
            directory = Path.GetDirectoryName(directory);
        }

        return directory;
    });

    /// <summary>Its top directory; without one (tests that were copied elsewhere), the test is skipped.</summary>
    public static string Root
    {
        get
        {
            if (Found.Value is null)
            {
                Assert.Ignore("Left out: it reads the sources, and these tests were copied away from them.");
            }

            return Found.Value!;
        }
    }

    /// <summary>A file or directory in it.</summary>
    public static string PathOf(string path) => Path.Combine(Root, path);

    /// <summary>The text of a file in it.</summary>
    public static string Read(string path) => File.ReadAllText(PathOf(path));

    /// <summary>Paths of the C# files below a directory, relative to the top, without what builds leave.</summary>
    public static IEnumerable<string> CSharpFiles(string directory) => Directory.Exists(PathOf(directory))
        ? Directory.EnumerateFiles(PathOf(directory), "*.cs", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Root, file))
            .Where(file => !file.Split('/').Any(part => part is "bin" or "obj"))
            .Order(StringComparer.Ordinal)
        : [];
}
