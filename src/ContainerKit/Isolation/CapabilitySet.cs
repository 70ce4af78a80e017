using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Text;

namespace ContainerKit.Isolation;

/// <summary>A set of capabilities, which never changes: every operation answers with another set.</summary>
/// <param name="Bits">Capability n is bit n, as the kernel has it in <c>/proc/PID/status</c>.</param>
public readonly record struct CapabilitySet(ulong Bits) : IEnumerable<Capability>
{
    private const int Known = (int)Capability.CheckpointRestore + 1;

    /// <summary>No capability.</summary>
    public static CapabilitySet Empty { get; }

    /// <summary>Every capability that this library has a name for.</summary>
    public static CapabilitySet All { get; } = new((1UL << Known) - 1);

    /// <summary>The fourteen that docker leaves to a container.</summary>
    public static CapabilitySet DockerDefault { get; } = Of(
        Capability.Chown, Capability.DacOverride, Capability.Fowner, Capability.Fsetid, Capability.Kill, Capability.Setgid, Capability.Setuid,
        Capability.Setpcap, Capability.NetBindService, Capability.NetRaw, Capability.SysChroot, Capability.Mknod, Capability.AuditWrite,
        Capability.Setfcap);

    /// <summary>How many it has.</summary>
    public int Count => BitOperations.PopCount(Bits);

    /// <summary>The set of these.</summary>
    public static CapabilitySet Of(params ReadOnlySpan<Capability> capabilities)
    {
        ulong bits = 0;
        foreach (var capability in capabilities)
        {
            bits |= 1UL << (int)capability;
        }

        return new(bits);
    }

    /// <summary>Reads one capability, or <c>ALL</c>, as docker's command line and OCI's documents spell them: <c>CAP_NET_ADMIN</c>, <c>net_admin</c>.</summary>
    /// <param name="name">The name, in any case, with or without <c>CAP_</c>.</param>
    /// <exception cref="FormatException">No capability is called so.</exception>
    public static CapabilitySet Parse(string name) =>
        TryParse(name, out var set) ? set : throw new FormatException($"No capability is called '{name}'.");

    /// <summary>Reads one capability, or <c>ALL</c>; false when no capability is called so.</summary>
    /// <param name="name">The name, in any case, with or without <c>CAP_</c>.</param>
    /// <param name="set">The set of it.</param>
    public static bool TryParse([NotNullWhen(true)] string? name, out CapabilitySet set)
    {
        set = Empty;
        if (name is null)
        {
            return false;
        }

        if (name.Equals("ALL", StringComparison.OrdinalIgnoreCase))
        {
            set = All;
            return true;
        }

        var bare = name.StartsWith("CAP_", StringComparison.OrdinalIgnoreCase) ? name[4..] : name;
        for (var number = 0; number < Known; number++)
        {
            if (bare.Equals(NameOf((Capability)number)[4..], StringComparison.OrdinalIgnoreCase))
            {
                set = new(1UL << number);
                return true;
            }
        }

        return false;
    }

    /// <summary>The kernel's name, such as <c>CAP_NET_ADMIN</c>; <c>CAP_n</c> for a number that this library has no name for.</summary>
    /// <param name="capability">The capability.</param>
    public static string NameOf(Capability capability)
    {
        if (!Enum.IsDefined(capability))
        {
            return $"CAP_{(int)capability}";
        }

        var name = new StringBuilder("CAP");
        foreach (var letter in capability.ToString())
        {
            name.Append(char.IsUpper(letter) ? "_" : "").Append(char.ToUpperInvariant(letter));
        }

        return name.ToString();
    }

    /// <summary>Those that the running kernel knows: asking it to drop or keep any other is an error.</summary>
    /// <param name="lastCapability">The highest number that the kernel knows, as <c>/proc/sys/kernel/cap_last_cap</c> says.</param>
    public CapabilitySet KnownTo(int lastCapability) => new(Bits & (lastCapability >= 63 ? ulong.MaxValue : (2UL << lastCapability) - 1));

    /// <summary>Whether it has this one.</summary>
    /// <param name="capability">The capability.</param>
    public bool Contains(Capability capability) => (Bits >> (int)capability & 1) != 0;

    /// <summary>Whether it has all of these.</summary>
    /// <param name="others">The others.</param>
    public bool ContainsAll(CapabilitySet others) => (others.Bits & ~Bits) == 0;

    /// <summary>This set with those added.</summary>
    /// <param name="others">What is added.</param>
    public CapabilitySet With(CapabilitySet others) => new(Bits | others.Bits);

    /// <summary>This set with those taken out.</summary>
    /// <param name="others">What is taken out.</param>
    public CapabilitySet Without(CapabilitySet others) => new(Bits & ~others.Bits);

    /// <inheritdoc/>
    public IEnumerator<Capability> GetEnumerator()
    {
        for (var rest = Bits; rest != 0; rest &= rest - 1)
        {
            yield return (Capability)BitOperations.TrailingZeroCount(rest);
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The names, with commas between.</summary>
    public override string ToString() => string.Join(", ", this.Select(NameOf));
}
