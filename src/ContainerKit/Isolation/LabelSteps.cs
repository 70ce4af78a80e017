using System.Text;
using ContainerKit.Launch;
using static ContainerKit.Isolation.KernelFlags;

namespace ContainerKit.Isolation;

/// <summary>The steps that ask the host's security modules for the label that the program is to run with. apparmor(7), selinux(8)</summary>
/// <remarks>
/// What is asked for takes effect with the next execve(2), and children inherit it until then. So it is asked for at once, in the host's own
/// /proc: whatever a container may have mounted on its /proc is never written to in the belief that it is the kernel.
/// </remarks>
internal static class LabelSteps
{
    public static void Request(PlanBuilder plan, ProcessSpec process)
    {
        if (process.AppArmorProfile is { } profile)
        {
            if (!plan.Host.HasAppArmor)
            {
                throw Missing("apparmor", $"the AppArmor profile '{profile}'", "AppArmor", "Leave the profile out (apparmor=unconfined), or boot the host with apparmor=1 lsm=apparmor.");
            }

            Write(plan, WordsOf(profile), "/proc/thread-self/attr/apparmor/exec", $"exec {profile}");
        }

        if (process.SelinuxLabel is { } label)
        {
            if (!plan.Host.HasSelinux)
            {
                throw Missing("selinux", $"the SELinux label '{label}'", "SELinux", "Leave the label out (label=disable), or boot the host with selinux=1 and a policy.");
            }

            Write(plan, $"run with the SELinux label '{label}'", "/proc/thread-self/attr/exec", label);
        }
    }

    /// <summary>Whether this is the step that fails where the host has not loaded the profile.</summary>
    public static bool NamesProfile(LaunchStep step) => step.Words.StartsWith(WordsOf(""), StringComparison.Ordinal);

    private static string WordsOf(string profile) => $"run under the AppArmor profile {(profile.Length == 0 ? "" : $"'{profile}'")}";

    private static void Write(PlanBuilder plan, string words, string path, string content)
    {
        var file = plan.Call(words, SystemCall.openat, AT_FDCWD, plan.Text(path), O_WRONLY | O_CLOEXEC);
        plan.Call(words, SystemCall.write, file, plan.Text(content), Encoding.UTF8.GetByteCount(content));
        plan.Call(words, SystemCall.close, file);
    }

    private static HostCapabilityException Missing(string capability, string what, string module, string cure) =>
        new(capability, $"The container cannot start: it is to have {what}, and this host does not run {module}.") { Hint = cure };
}
