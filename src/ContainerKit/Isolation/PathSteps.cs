using ContainerKit.Launch;
using static ContainerKit.Isolation.KernelFlags;

namespace ContainerKit.Isolation;

/// <summary>The steps that hide paths, or make them read-only. Those that are not there are skipped.</summary>
internal static class PathSteps
{
    public static void Add(PlanBuilder plan, IsolationSpec spec)
    {
        foreach (var path in spec.ReadOnlyPaths)
        {
            MakeReadOnly(plan, path);
        }

        foreach (var path in spec.MaskedPaths)
        {
            Mask(plan, path);
        }

        if (spec.MaskedPaths.Count > 0)
        {
            plan.Call("go to the container's root", SystemCall.chdir, plan.Text("/"));
        }
    }

    private static void MakeReadOnly(PlanBuilder plan, string path)
    {
        var words = $"make {path} read-only";
        var done = new LaunchLabel();
        var target = TargetSteps.Open(plan, words, path, whenMissing: done);
        var copy = plan.Call(words, SystemCall.open_tree, target, plan.Text(""), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
        plan.Call(words, SystemCall.mount_setattr, copy, plan.Text(""), AT_EMPTY_PATH | AT_RECURSIVE, plan.Program.Words(MOUNT_ATTR_RDONLY, 0, 0, 0), 32);
        MountSteps.Move(plan, words, copy, target);
        plan.Program.Mark(done);
    }

    private static void Mask(PlanBuilder plan, string path)
    {
        var words = $"mask {path}";
        var done = new LaunchLabel();
        var isDirectory = new LaunchLabel();
        var isFile = new LaunchLabel();
        var target = TargetSteps.Open(plan, words, path, whenMissing: done);
        plan.Call(words, SystemCall.fchdir, target).OnSuccess(isDirectory).OnError(isFile);

        plan.Program.Mark(isFile);
        var nothing = plan.Call(words, SystemCall.open_tree, plan.Devices, plan.Text("null"), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        plan.Call(words, SystemCall.move_mount, nothing, plan.Text(""), target, plan.Text(""), MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH).OnSuccess(done);

        plan.Program.Mark(isDirectory);
        var flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
        plan.Call(words, SystemCall.mount, plan.Text("tmpfs"), plan.Text("."), plan.Text("tmpfs"), flags, plan.Text("size=4k,nr_inodes=1,mode=755"));
        plan.Program.Mark(done);
    }
}
