using ContainerKit.Launch;
using ContainerKit.Linux;
using static ContainerKit.Isolation.KernelFlags;

namespace ContainerKit.Isolation;

/// <summary>Turns a failed step into the exception that the caller is to see: what failed, and what can be done about it.</summary>
internal static class LaunchErrors
{
    /// <param name="failure">What happened.</param>
    /// <param name="joining">The program that was to join a container; null for a container's own.</param>
    public static ContainerKitException Translate(LaunchFailedException failure, string? joining = null)
    {
        var message = $"{Subject(joining)}: {failure.Message.TrimEnd('.')}.";
        if (failure.Step is not { } step)
        {
            return new IsolationException(message, failure);
        }

        if ((step.Call, failure.Errno) is (SystemCall.setns, Errno.ESRCH))
        {
            return new IsolationException("The program cannot start: its container has ended.", failure) { Step = step.Words };
        }

        if (MissingCapability(step, failure.Errno) is { } missing)
        {
            return new HostCapabilityException(missing.Name, message, failure) { Hint = missing.Cure };
        }

        return new IsolationException(message, failure) { Step = step.Words, ExitCode = ExitCodeOf(step, failure.Errno), Hint = HintFor(step, failure.Errno) };
    }

    /// <summary>What cannot start: a container, or a program in one.</summary>
    public static string Subject(string? joining) => joining is null ? "The container cannot start" : $"The program '{joining}' cannot start in the container";

    private static int ExitCodeOf(LaunchStep step, int errno) => (step.Call, errno) switch
    {
        (SystemCall.execve, Errno.ENOENT or Errno.ENOTDIR) => 127,
        (SystemCall.execve, _) => 126,
        _ => 125,
    };

    private static string? HintFor(LaunchStep step, int errno) => (step.Call, errno) switch
    {
        (SystemCall.write, Errno.ENOENT) when LabelSteps.NamesProfile(step) => "Load the profile with 'apparmor_parser -r FILE', or name one that 'aa-status' lists.",
        (SystemCall.keyctl, Errno.EDQUOT) => "Raise the sysctls kernel.keys.maxkeys and kernel.keys.maxbytes: every container of this user has a keyring of its own.",
        _ => null,
    };

    private static (string Name, string Cure)? MissingCapability(LaunchStep step, int errno) => (step.Call, errno) switch
    {
        (SystemCall.unshare, _) when step.Arguments[0].Value == (long)CLONE_NEWUSER => UserNamespaces(errno),
        (SystemCall.clone or SystemCall.clone3, Errno.EPERM) => (
            "namespaces", "Run as root, or give the container a user namespace of its own; in an outer container, that one must allow making namespaces."),
        (SystemCall.clone or SystemCall.clone3, Errno.ENOSPC) => (
            "namespaces", "A limit in /proc/sys/user (max_net_namespaces, max_mnt_namespaces, …) is reached; raise it."),
        (SystemCall.fsopen, Errno.ENODEV) or (SystemCall.mount, Errno.ENODEV) => (
            "file-systems", $"The kernel lacks this file system ({step.Words}); load its module with modprobe."),
        (SystemCall.mount_setattr, Errno.EINVAL or Errno.EPERM) when step.Words == RootSteps.MappingWords => (
            "id-mapped-mounts", "The store's file system cannot show files with other ids: put the store on ext4, xfs or btrfs, or use UserNamespaceMode.Host."),
        (SystemCall.mount_setattr, Errno.EINVAL or Errno.EPERM) when step.Words.StartsWith(MountSteps.MappingWords, StringComparison.Ordinal) => (
            "id-mapped-mounts", "The file system of what is mounted, or of a submount, cannot show files with other ids: ext4, xfs and btrfs can."),
        (_, Errno.ENOSYS) => ("kernel", $"The kernel has no {step.Call}(2), or a seccomp filter hides it; Linux 5.12 or later is needed."),
        _ => null,
    };

    private static (string Name, string Cure) UserNamespaces(int errno) => ("user-namespaces", errno switch
    {
        Errno.ENOSPC => "Raise the sysctl user.max_user_namespaces, which limits how many there may be.",
        Errno.EINVAL => "The kernel was built without user namespaces (CONFIG_USER_NS).",
        _ => "Set the sysctl kernel.unprivileged_userns_clone=1 (Debian) or kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu), where it exists.",
    });
}
