using ContainerKit.Isolation;
using ContainerKit.Isolation.Seccomp;

namespace ContainerKit.Tests.Isolation.Seccomp;

public sealed class DefaultFilterTests
{
    [TestCase("x64")]
    [TestCase("arm64")]
    public void What_is_kept_is_what_the_compiler_makes(string machine)
    {
        var architecture = machine == "x64" ? SeccompArchitecture.X64 : SeccompArchitecture.Arm64;
        var compiled = SeccompCompiler.Compile(SeccompProfile.Default, architecture, CapabilitySet.DockerDefault, new Version(5, 12));
        var received = $"artifacts/default-filter.{machine}.bpf";
        Directory.CreateDirectory(SourceTree.PathOf("artifacts"));
        File.WriteAllBytes(SourceTree.PathOf(received), compiled);

        var kept = DefaultFilter.For(architecture, CapabilitySet.DockerDefault, new Version(5, 12));

        Assert.That(kept, Is.EqualTo(compiled), $"The profile or the compiler has changed: cp {received} src/ContainerKit/Isolation/Seccomp/");
    }

    [Test]
    public void Newer_kernels_have_the_same_filter()
    {
        var old = SeccompCompiler.Compile(SeccompProfile.Default, SeccompArchitecture.X64, CapabilitySet.DockerDefault, new Version(5, 12));
        var later = SeccompCompiler.Compile(SeccompProfile.Default, SeccompArchitecture.X64, CapabilitySet.DockerDefault, new Version(99, 0));

        Assert.That(later, Is.EqualTo(old));
    }

    [Test]
    public void Other_capabilities_and_older_kernels_are_compiled_for()
    {
        var administrator = CapabilitySet.DockerDefault.With(CapabilitySet.Parse("SYS_ADMIN"));

        Assert.Multiple(() =>
        {
            Assert.That(
                DefaultFilter.For(SeccompArchitecture.X64, administrator, new Version(6, 1)),
                Is.EqualTo(SeccompCompiler.Compile(SeccompProfile.Default, SeccompArchitecture.X64, administrator, new Version(6, 1))));
            Assert.That(
                DefaultFilter.For(SeccompArchitecture.X64, CapabilitySet.DockerDefault, new Version(4, 0)),
                Is.EqualTo(SeccompCompiler.Compile(SeccompProfile.Default, SeccompArchitecture.X64, CapabilitySet.DockerDefault, new Version(4, 0))));
        });
    }
}
