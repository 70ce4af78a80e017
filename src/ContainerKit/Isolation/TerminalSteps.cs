using ContainerKit.Launch;
using static ContainerKit.Isolation.KernelFlags;

namespace ContainerKit.Isolation;

/// <summary>
/// The steps that give a program a terminal: one of the container's own devpts, whose other side goes to the host. Inside, it has a name and an
/// owner that the container knows, and none of the host's terminals is ever open there.
/// </summary>
internal static class TerminalSteps
{
    private const ulong RightsOfSocket = 1UL | (1UL << 32);
    private const ulong Flags = O_RDWR | O_NOCTTY | O_CLOEXEC;

    /// <summary>Opens the terminal of a container's first process, below its devpts that has just been mounted, and shows it as /dev/console as well.</summary>
    public static void OpenFirst(PlanBuilder plan, ProcessSpec process, Operand terminals)
    {
        if (process.Terminal is not { } size)
        {
            return;
        }

        var control = Control(plan);
        plan.Call("open a terminal", SystemCall.openat, terminals, plan.Text("ptmx"), Flags).StoringInto(control, 16);
        var terminal = SetUp(plan, process, size, control);

        // OCI runtime specification, config.md: with a terminal, /dev/console is that. By its descriptor, so that no name leads elsewhere.
        plan.Call("make /dev/console", SystemCall.mknodat, plan.Devices, plan.Text("console"), S_IFREG | 0x180, 0);
        var copy = plan.Call("mount the terminal on /dev/console", SystemCall.open_tree, terminal, plan.Text(""), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
        plan.Call("mount the terminal on /dev/console", SystemCall.move_mount, copy, plan.Text(""), plan.Devices, plan.Text("console"), MOVE_MOUNT_F_EMPTY_PATH);
        plan.Call("close /dev/console", SystemCall.close, copy);
        HandOver(plan, terminal, control);
    }

    /// <summary>Opens the terminal of a process that joins. What is found at that path may be of the container's making; the host looks at it again.</summary>
    public static void OpenJoining(PlanBuilder plan, ProcessSpec process)
    {
        if (process.Terminal is not { } size)
        {
            return;
        }

        var control = Control(plan);
        plan.Call("open a terminal", SystemCall.openat2, plan.RootDirectory, plan.Text("dev/pts/ptmx"), plan.HowToOpen(Flags, 0, followsLinks: false), 24)
            .StoringInto(control, 16);
        HandOver(plan, SetUp(plan, process, size, control), control);
    }

    /// <summary>Makes the terminal the controlling one of the session that this process has begun: Ctrl-C and job control come from there.</summary>
    public static void Take(PlanBuilder plan, ProcessSpec process)
    {
        if (process.Terminal is not null)
        {
            plan.Call("make the terminal the session's own", SystemCall.ioctl, 0, TIOCSCTTY, 0);
        }
    }

    // unix(7), SCM_RIGHTS: a control message that holds a descriptor, behind a head of 16 bytes.
    private static LaunchData Control(PlanBuilder plan) => plan.Program.Words(16 + 4, RightsOfSocket, 0);

    private static LaunchStep SetUp(PlanBuilder plan, ProcessSpec process, TerminalSize size, LaunchData control)
    {
        var other = Operand.ValueAt(control, 16);
        plan.Call("unlock the terminal", SystemCall.ioctl, other, TIOCSPTLCK, plan.Program.Words(0));

        // By the open side, and not by its number in /dev/pts: what has that name may be another.
        var terminal = plan.Call("open the terminal's inner side", SystemCall.ioctl, other, TIOCGPTPEER, Flags);
        plan.Call("set the terminal's size", SystemCall.ioctl, terminal, TIOCSWINSZ, plan.Program.Words((uint)size.Rows | ((uint)size.Columns << 16)));
        if (process.UserId != 0)
        {
            plan.Call($"give the terminal to user {process.UserId}", SystemCall.fchownat, terminal, plan.Text(""), process.UserId, uint.MaxValue, AT_EMPTY_PATH);
        }

        return terminal;
    }

    private static void HandOver(PlanBuilder plan, LaunchStep terminal, LaunchData control)
    {
        var socket = plan.Need(LaunchDescriptor.Terminal);
        var vector = plan.Program.Words(plan.Program.Words(0), 1);

        // struct msghdr: name, its length, vector, its length, control, its length, flags.
        var message = plan.Program.Words(0, 0, vector, 1, control, 24, 0);
        plan.Call("hand the terminal to the host", SystemCall.sendmsg, socket, message, MSG_NOSIGNAL);
        plan.Call("close the terminal's outer side", SystemCall.close, Operand.ValueAt(control, 16));
        plan.Call("close the socket", SystemCall.close, socket);
        for (var stream = 0; stream <= 2; stream++)
        {
            plan.Call("give the program its terminal", SystemCall.dup3, terminal, stream, 0);
        }

        plan.Call("close the terminal", SystemCall.close, terminal);
    }
}
