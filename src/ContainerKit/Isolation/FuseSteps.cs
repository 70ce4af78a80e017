using ContainerKit.Launch;
using static ContainerKit.Isolation.KernelFlags;

namespace ContainerKit.Isolation;

/// <summary>
/// The steps that mount a FUSE file system in the container's own user namespace, and hand its device to the host, which serves it.
/// Whoever mounts must have opened the device there, and whoever uses the mount must be in there.
/// </summary>
internal static class FuseSteps
{
    // The kernel wants the descriptor's number as text, so it must be known beforehand. Nothing else has such a high one here.
    private const int Device = 100;
    private const ulong RightsOfSocket = 1UL | (1UL << 32);

    /// <summary>Makes the mount, which is the container's root then. Nothing in it answers before the host does.</summary>
    public static void Make(PlanBuilder plan, Mount mount)
    {
        const string words = "mount the union as the root";
        var socket = plan.Need(LaunchDescriptor.RootServer);
        var options = MountOptions.Parse(mount.Options);
        var device = plan.Call("open '/dev/fuse'", SystemCall.openat, AT_FDCWD, plan.Text("/dev/fuse"), O_RDWR | O_CLOEXEC);
        plan.Call(words, SystemCall.dup3, device, Device, O_CLOEXEC);
        plan.Call(words, SystemCall.close, device);
        var context = plan.Call(words, SystemCall.fsopen, plan.Text("fuse"), FSOPEN_CLOEXEC);
        MountSteps.Configure(plan, words, context, "source", mount.Source);
        MountSteps.Configure(plan, words, context, "fd", $"{Device}");
        foreach (var (key, value) in options.OfFileSystem)
        {
            MountSteps.Configure(plan, words, context, key, value);
        }

        plan.Call(words, SystemCall.fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
        plan.Call(words, SystemCall.fsmount, context, FSMOUNT_CLOEXEC, options.Set).StoringInto(plan.Root, 0);
        plan.Call(words, SystemCall.close, context);
        HandOver(plan, socket);

        // In the container nothing of it stays open but the mount itself.
        plan.Call(words, SystemCall.close, Device);
        plan.Call(words, SystemCall.close, socket);
        plan.Call(words, SystemCall.chdir, plan.Text("/"));
    }

    // unix(7), SCM_RIGHTS: a control message that holds the descriptor. One byte goes with it, or the kernel sends nothing.
    private static void HandOver(PlanBuilder plan, int socket)
    {
        var control = plan.Program.Words(16 + 4, RightsOfSocket, Device);
        var vector = plan.Program.Words(plan.Program.Words(0), 1);

        // struct msghdr: name, its length, vector, its length, control, its length, flags.
        var message = plan.Program.Words(0, 0, vector, 1, control, 24, 0);
        plan.Call("hand the root's device to the host", SystemCall.sendmsg, socket, message, MSG_NOSIGNAL);
    }
}
