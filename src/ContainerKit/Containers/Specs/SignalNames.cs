using System.Globalization;

namespace ContainerKit.Containers.Specs;

/// <summary>Signals as images and people write them: <c>SIGTERM</c>, <c>TERM</c> or <c>15</c>. signal(7), the numbers of x86 and ARM</summary>
internal static class SignalNames
{
    private static readonly string[] Names =
    [
        "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD",
        "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];

    /// <summary>The signal's number, or null for what names none.</summary>
    public static int? TryParse(string? text)
    {
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return number is >= 1 and <= 64 ? number : null;
        }

        var name = text?.ToUpperInvariant() ?? "";
        name = name.StartsWith("SIG", StringComparison.Ordinal) ? name[3..] : name;
        return name.Length > 0 && Array.IndexOf(Names, name) is var index and > 0 ? index : null;
    }
}
