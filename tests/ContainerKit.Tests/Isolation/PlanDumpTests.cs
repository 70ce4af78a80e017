using System.Runtime.InteropServices;
using ContainerKit.Launch;
using ContainerKit.Tests.Support;

namespace ContainerKit.Tests.Isolation;

/// <summary>Whole plans, as somebody has read and approved them. A dump has no numbers of calls, so it is the same for every machine.</summary>
public class PlanDumpTests
{
    [TestCase("root")]
    [TestCase("root-user-namespace")]
    [TestCase("detached")]
    [TestCase("detached-subordinate-ids")]
    [TestCase("detached-member")]
    [TestCase("single-id")]
    [TestCase("subordinate-ids")]
    [TestCase("terminal")]
    [TestCase("join")]
    [TestCase("join-kept")]
    [TestCase("join-terminal")]
    [TestCase("join-root-user-namespace")]
    [TestCase("join-subordinate-ids")]
    public void A_plan_changes_only_on_purpose(string name)
    {
        Approved.Check("tests/ContainerKit.Tests/Isolation/Plans", name, PlanDump.Of(Plans.All[name]));
    }

    [Test]
    public void Every_plan_becomes_an_executable_of_every_machine([Values(Architecture.X64, Architecture.Arm64)] Architecture architecture)
    {
        Assert.That(Plans.All.Values.Select(plan => ElfImage.Write(plan.Program, architecture).Length), Is.All.InRange(1024, 64 * 1024));
    }

    [Test]
    public void Every_failure_is_reported_and_every_end_is_one()
    {
        var ends = Plans.All.Values.SelectMany(plan => plan.Program.Steps).Where(step => step.Call == SystemCall.exit_group);
        var tails = Plans.All.Values.Select(plan => plan.Program.Steps[plan.Program.Failure.Index].Words);

        Assert.That(ends.Select(step => (step.WhenPositive, step.WhenZero, step.WhenFailed)), Is.All.EqualTo((LaunchLabel.Nowhere, LaunchLabel.Nowhere, LaunchLabel.Nowhere)));
        Assert.That(tails, Is.All.EqualTo("report a failed step"));
    }

    [TestCase("root", 4)]
    [TestCase("root-user-namespace", 6)]
    [TestCase("single-id", 4)]
    [TestCase("join", 5)]
    public void What_the_plan_did_not_ask_for_is_closed_from_the_first_descriptor_on(string name, int first)
    {
        var unwanted = Plans.All[name].Step("close inherited descriptors").Arguments[0];

        Assert.That((unwanted.IsLoaded, BitConverter.ToInt64(unwanted.Data!.Content)), Is.EqualTo((true, (long)first)));
    }
}
