using ContainerKit.Launch;
using ContainerKit.Linux;
using static ContainerKit.Isolation.KernelFlags;

namespace ContainerKit.Isolation;

/// <summary>
/// The steps that find a path inside the container's root, and make what is missing of it. Symlinks resolve there; the last
/// one of a file may dangle, and then its target is made.
/// </summary>
internal static class TargetSteps
{
    /// <summary>Opens a path that must be there, or (with <paramref name="whenMissing"/>) may be missing.</summary>
    public static LaunchStep Open(PlanBuilder plan, string words, string path, LaunchLabel? whenMissing = null, bool followsLinks = true)
    {
        var how = plan.HowToOpen(O_PATH | O_CLOEXEC, 0, followsLinks);
        var step = plan.Call(words, SystemCall.openat2, plan.RootDirectory, plan.Text(Inside(path)), how, 24);
        return whenMissing is null ? step : step.Tolerating(Errno.ENOENT, Errno.ENOTDIR).OnZero(whenMissing);
    }

    /// <summary>Opens a directory, which is made when it is missing.</summary>
    public static Operand OpenOrMakeDirectory(PlanBuilder plan, string words, string path, bool followsLinks = true) =>
        OpenOrMake(plan, words, path, likeness: null, followsLinks);

    /// <summary>Opens a path to mount on. When it is missing, it becomes a directory or an empty file, whichever the likeness is.</summary>
    public static Operand OpenOrMake(PlanBuilder plan, string words, string path, Operand? likeness, bool followsLinks = true)
    {
        var inside = Inside(path);
        var target = new LaunchData(new byte[8], $"target {path}");
        plan.Program.Add(target);
        var opened = new LaunchLabel();
        var missing = new LaunchLabel();
        Open(plan, words, path, whenMissing: null, followsLinks).StoringInto(target, 0).OnSuccess(opened).OnError(missing);
        plan.Program.Mark(missing);
        Make(plan, words, inside, likeness, target, opened);
        Open(plan, words, path, whenMissing: null, followsLinks).StoringInto(target, 0);
        plan.Program.Mark(opened);
        return Operand.ValueAt(target, 0);
    }

    private static void Make(PlanBuilder plan, string words, string inside, Operand? likeness, LaunchData target, LaunchLabel opened)
    {
        var names = inside.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var parent = plan.RootDirectory;
        for (var i = 0; i < names.Length - 1; i++)
        {
            plan.Call(words, SystemCall.mkdirat, parent, plan.Text(names[i]), 0x1ED).Tolerating(Errno.EEXIST);
            parent = Open(plan, words, string.Join('/', names[..(i + 1)]));
        }

        var isFile = new LaunchLabel();
        var made = new LaunchLabel();
        if (likeness is { } like)
        {
            // The kernel looks for "." only in directories.
            plan.Call(words, SystemCall.openat, like, plan.Text("."), O_PATH | O_CLOEXEC).OnError(isFile);
        }

        plan.Call(words, SystemCall.mkdirat, parent, plan.Text(names[^1]), 0x1ED).Tolerating(Errno.EEXIST).OnSuccess(made);
        if (likeness is not null)
        {
            plan.Program.Mark(isFile);
            plan.Call(words, SystemCall.openat2, plan.RootDirectory, plan.Text(inside), plan.HowToOpen(O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0x1A4, followsLinks: true), 24)
                .StoringInto(target, 0).OnSuccess(opened);
        }

        plan.Program.Mark(made);
    }

    private static string Inside(string path)
    {
        var inside = path.Trim('/');
        return inside.Length == 0 ? "." : inside;
    }
}
