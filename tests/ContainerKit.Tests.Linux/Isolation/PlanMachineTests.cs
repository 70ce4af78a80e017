using System.Runtime.InteropServices;
using ContainerKit.Isolation;
using ContainerKit.Tests.Linux.Launch;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Isolation;

/// <summary>Whole plans, run as programs of each machine.</summary>
internal sealed class PlanMachineTests
{
    private static readonly IsolationSpec Container = new()
    {
        Root = [new Mount("bind", "/nowhere", "/", [])],
        Process = Sandbox.Process("true"),
        Hostname = "sandbox",
        MaskedPaths = DefaultPaths.Masked,
        ReadOnlyPaths = DefaultPaths.ReadOnly,
    };

    [TestCase(Architecture.X64)]
    [TestCase(Architecture.Arm64, Category = "Qemu")]
    public void A_plan_without_a_host_to_report_to_does_nothing(Architecture architecture)
    {
        using var machine = new LaunchMachine(architecture);
        var plan = LaunchPlanner.Plan(Container, LaunchHost.Current);

        Assert.That(machine.Run(plan.Program, report: "3>&-"), Is.EqualTo(new LaunchEnd(254, "")));
    }

    [TestCase(Architecture.X64)]
    [TestCase(Architecture.Arm64, Category = "Qemu")]
    public void A_step_that_fails_is_reported_by_its_index(Architecture architecture)
    {
        using var machine = new LaunchMachine(architecture);
        var plan = LaunchPlanner.Plan(Container with { CgroupProcsFiles = ["/nowhere/cgroup.procs"] }, LaunchHost.Current);

        var end = machine.Run(plan.Program);

        Assert.That(plan.Program.Steps[end.Failure.Index].Words, Is.EqualTo("open '/nowhere/cgroup.procs'"));
        Assert.That((end.ExitCode, end.Failure.Errno), Is.EqualTo((125, Tmds.Linux.LibC.ENOENT)));
    }

    [Test]
    [Category("Qemu")]
    public void An_emulator_makes_no_namespaces_so_a_plan_gets_as_far_as_these()
    {
        Needs.That(RuntimeInformation.ProcessArchitecture != Architecture.Arm64, "a real processor gets further than an emulated one");
        using var machine = new LaunchMachine(Architecture.Arm64);
        var plan = LaunchPlanner.Plan(Container, LaunchHost.Current);

        var end = machine.Run(plan.Program);

        Assert.That(plan.Program.Steps[end.Failure.Index].Words, Is.EqualTo("make the container's namespaces"));
    }
}
