namespace ContainerKit.Isolation.Seccomp;

/// <summary>
/// The default profile as a filter. For docker's default capabilities, which nearly every container has, the compiler's work is kept
/// beside it (a test holds the two equal): in a fresh process, reading the profile and compiling it costs as much as the rest of a launch.
/// </summary>
internal static class DefaultFilter
{
    // The profile has rules for older kernels, too.
    private static readonly Version KeptFor = new(5, 12);

    public static byte[] For(SeccompArchitecture architecture, CapabilitySet capabilities, Version kernel) =>
        capabilities == CapabilitySet.DockerDefault && kernel >= KeptFor
            ? Kept(architecture)
            : SeccompCompiler.Compile(SeccompProfile.Default, architecture, capabilities, kernel);

    private static byte[] Kept(SeccompArchitecture architecture)
    {
        using var stream = typeof(DefaultFilter).Assembly.GetManifestResourceStream(ResourceOf(architecture))!;
        var filter = new byte[stream.Length];
        stream.ReadExactly(filter);
        return filter;
    }

    private static string ResourceOf(SeccompArchitecture architecture) =>
        $"ContainerKit.Isolation.Seccomp.default-filter.{(architecture == SeccompArchitecture.X64 ? "x64" : "arm64")}.bpf";
}
