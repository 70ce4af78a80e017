namespace ContainerKit;

/// <summary>How large a terminal is, in characters.</summary>
/// <param name="Columns">Characters in a line, from 1 to 65535.</param>
/// <param name="Rows">Lines, from 1 to 65535.</param>
public readonly record struct TerminalSize(int Columns, int Rows)
{
    /// <summary>80 columns, 24 rows: what programs take a terminal for that does not say.</summary>
    public static TerminalSize Usual { get; } = new(80, 24);

    /// <summary>The same size, if it is one.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It has a side that is not from 1 to 65535, or <c>struct winsize</c> has no room for it.</exception>
    internal TerminalSize Require()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Columns, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Columns, ushort.MaxValue);
        ArgumentOutOfRangeException.ThrowIfLessThan(Rows, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Rows, ushort.MaxValue);
        return this;
    }
}
