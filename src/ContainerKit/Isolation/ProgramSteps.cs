using ContainerKit.Launch;
using ContainerKit.Linux;

namespace ContainerKit.Isolation;

/// <summary>The last steps: the container's program takes the launch program's place.</summary>
internal static class ProgramSteps
{
    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    private const int MostPlaces = 255;

    public static void Run(PlanBuilder plan, ProcessSpec process)
    {
        var name = process.Arguments[0];
        var arguments = plan.Program.TextList(process.Arguments);
        var environment = plan.Program.TextList(process.Environment);
        if (name.Contains('/', StringComparison.Ordinal))
        {
            plan.Call($"run '{name}'", SystemCall.execve, plan.Text(name), arguments, environment);
            return;
        }

        // As execvp(3) does it: the next place is tried where there is nothing, and also where there is something that may not be run.
        var places = Places(process.Environment).Take(MostPlaces).ToArray();
        var results = plan.Program.Words(new Operand[places.Length + 1]);
        var count = BitConverter.GetBytes(((ulong)places.Length << 32) | unchecked((uint)LaunchMarks.Search));
        count.CopyTo(results.Content, 0);
        for (var i = 0; i < places.Length; i++)
        {
            plan.Call($"find '{name}' in PATH", SystemCall.execve, plan.Text($"{places[i]}/{name}"), arguments, environment)
                .Tolerating(Errno.ENOENT, Errno.ENOTDIR, Errno.EACCES).StoringInto(results, 8 * (i + 1));
        }

        plan.Call("report the search", SystemCall.write, PlanBuilder.Report, results, results.Content.Length).Then(plan.Exit);
    }

    private static IEnumerable<string> Places(IReadOnlyList<string> environment)
    {
        var path = environment.FirstOrDefault(variable => variable.StartsWith("PATH=", StringComparison.Ordinal))?[5..];

        // An empty place is the working directory.
        return (string.IsNullOrEmpty(path) ? DefaultPath : path).Split(':').Select(place => place.Length == 0 ? "." : place.TrimEnd('/'));
    }
}
