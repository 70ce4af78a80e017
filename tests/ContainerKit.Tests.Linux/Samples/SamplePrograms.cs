using System.Diagnostics;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Samples;

/// <summary>
/// The samples as programs. <c>tests/run</c> puts them (ckit as a native program, unless it has to be quick) where an ordinary user can
/// run them, too, and names the place in CONTAINERKIT_SAMPLES; otherwise they are where the build left them.
/// </summary>
internal static class SamplePrograms
{
    /// <summary>The path of a sample; a test whose sample is not there is skipped.</summary>
    public static string PathOf(string name)
    {
        var place = Environment.GetEnvironmentVariable("CONTAINERKIT_SAMPLES");
        var program = !string.IsNullOrEmpty(place)
            ? Path.Combine(place, name, name)
            : SourceTree.PathOf($"samples/{name}/bin/{Path.GetFileName(Path.GetDirectoryName(AppContext.BaseDirectory.TrimEnd('/')))}/net10.0/{name}");
        Needs.That(File.Exists(program), $"the sample {name} has not been built");
        return program;
    }

    /// <summary>Runs a sample to its end.</summary>
    public static ShellResult Run(string name, IEnumerable<string> arguments, Action<ProcessStartInfo>? configure = null) =>
        Shell.TryAsync(PathOf(name), arguments, configure, CancellationToken.None).GetAwaiter().GetResult();
}
