using ContainerKit.Isolation.Seccomp;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Isolation;

/// <summary>The program of prober.c, and how it is told what to try.</summary>
internal static class Prober
{
    /// <summary>Compiles it; a host without clang skips the test.</summary>
    public static void Build(string path)
    {
        Needs.Program("clang");
        Shell.Run("clang", "-static", "-O1", "-o", path, Path.Combine(AppContext.BaseDirectory, "Isolation", "prober.c"));
    }

    /// <summary>A call by its name.</summary>
    public static string Call(string name, params ulong[] arguments) => Call(SyscallTable.For(SeccompArchitectures.Native).Numbers[name], arguments);

    /// <summary>A call by its number.</summary>
    public static string Call(uint number, params ulong[] arguments) => string.Join(':', [number, .. arguments]);
}
