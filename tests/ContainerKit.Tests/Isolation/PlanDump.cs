using System.Globalization;
using System.Text.RegularExpressions;
using ContainerKit.Isolation;
using ContainerKit.Launch;

namespace ContainerKit.Tests.Isolation;

/// <summary>
/// A plan's dump in which no step is a number: one step more changes one line. Results go by the call that gave them, and its words
/// where those are others; ways on go by their distance, and those out of the program by the words of its last steps.
/// </summary>
internal static partial class PlanDump
{
    public static string Of(LaunchPlan plan)
    {
        var lines = plan.Program.Dump().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return string.Concat(lines.Select((line, index) => $"{WithoutNumbers(plan.Program, line, index)}\n"));
    }

    private static string WithoutNumbers(LaunchProgram program, string line, int index) => StepNumber().Replace(line, match =>
    {
        var step = program.Steps[int.Parse(match.Groups["number"].ValueSpan, CultureInfo.InvariantCulture)];
        return match.Groups["kind"].Value switch
        {
            "" => "",
            "result" => step.Words == program.Steps[index].Words ? $"{step.Call}" : $"{step.Call}<{step.Words}>",
            _ => step.Index >= program.Failure.Index ? $": {step.Words}" : $": {step.Index - index:+0;-0}",
        };
    });

    [GeneratedRegex("^#(?<number>[0-9]+) |(?<kind>result|: )#(?<number>[0-9]+)")]
    private static partial Regex StepNumber();
}
