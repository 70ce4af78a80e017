using System.Text;

namespace ContainerKit;

/// <summary>One thing that a host can do, or cannot.</summary>
/// <param name="Name">What it is called, such as <c>overlay</c>; <see cref="HostCapabilityException.Capability"/> uses the same names.</param>
/// <param name="IsAvailable">Whether the host can do it.</param>
/// <param name="Detail">How it is there, or why it is not.</param>
/// <param name="Hint">What to do about its absence; null when it is there or nothing can be done.</param>
public sealed record HostCapability(string Name, bool IsAvailable, string Detail, string? Hint = null);

/// <summary>What this host can do for containers: each capability with how it is there, or why not and what to do about it.</summary>
/// <param name="Capabilities">The capabilities, in a fixed order.</param>
public sealed record HostReport(IReadOnlyList<HostCapability> Capabilities)
{
    /// <summary>The capability of a name; null when there is no such name.</summary>
    /// <param name="name">The name, such as <c>overlay</c>.</param>
    public HostCapability? this[string name] => Capabilities.FirstOrDefault(c => c.Name == name);

    /// <summary>A table to read.</summary>
    public override string ToString()
    {
        var width = Capabilities.Select(c => c.Name.Length).DefaultIfEmpty().Max();
        var table = new StringBuilder();
        foreach (var capability in Capabilities)
        {
            table.Append(capability.IsAvailable ? "yes  " : "no   ").Append(capability.Name.PadRight(width)).Append("  ").Append(capability.Detail).Append('\n');
            if (capability.Hint is { } hint)
            {
                table.Append(' ', width + 7).Append(hint).Append('\n');
            }
        }

        return table.ToString();
    }
}
