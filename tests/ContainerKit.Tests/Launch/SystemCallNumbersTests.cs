using System.Runtime.InteropServices;
using ContainerKit.Isolation.Seccomp;
using ContainerKit.Launch;

namespace ContainerKit.Tests.Launch;

internal sealed class SystemCallNumbersTests
{
    private static readonly SystemCall[] Real = [.. Enum.GetValues<SystemCall>().Where(call => call != SystemCall.nonsense)];

    [TestCase(Architecture.X64, SeccompArchitecture.X64)]
    [TestCase(Architecture.Arm64, SeccompArchitecture.Arm64)]
    public void Launch_programs_call_what_filters_know_by_that_name(Architecture architecture, SeccompArchitecture table)
    {
        var known = SyscallTable.For(table).Numbers;

        Assert.That(Real.ToDictionary(call => $"{call}", call => (uint)SystemCallNumbers.Of(call, architecture)), Is.SubsetOf(known));
    }

    [Test]
    public void No_other_machine_is_guessed_at()
    {
        Assert.That(() => SystemCallNumbers.Of(SystemCall.read, Architecture.RiscV64), Throws.TypeOf<PlatformNotSupportedException>().With.Message.Contains("RiscV64"));
    }
}
