using System.Globalization;
using System.Runtime.InteropServices;
using ContainerKit.Launch;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Launch;

/// <summary>What the kernel's own headers say about the calls of launch programs.</summary>
internal sealed class KernelNumbersTests
{
    // The compiler puts the numbers in place of the macros.
    private const string Ask = """
        include=$1; shift
        { echo "#include <$include>"; for call; do echo "answer $call __NR_$call"; done; } |
            clang -E -P -x c -D__ARCH_WANT_SYS_CLONE3 - | sed -n 's/^answer //p'
        """;

    [TestCase(Architecture.X64, "asm/unistd.h")]
    [TestCase(Architecture.Arm64, "asm-generic/unistd.h")]
    public void The_kernel_counts_as_launch_programs_do(Architecture architecture, string header)
    {
        Needs.Program("clang");
        Needs.That(RuntimeInformation.OSArchitecture == Architecture.X64, "the kernel's headers are those of another machine");
        var calls = Enum.GetValues<SystemCall>().Where(call => call != SystemCall.nonsense).ToList();

        var answers = Shell.Script(Ask, [header, .. calls.Select(call => $"{call}")]).Split('\n');

        Assert.That(calls.Select(call => string.Create(CultureInfo.InvariantCulture, $"{call} {SystemCallNumbers.Of(call, architecture)}")), Is.EqualTo(answers));
    }
}
