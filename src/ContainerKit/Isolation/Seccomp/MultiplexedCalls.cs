using System.Collections.Frozen;

namespace ContainerKit.Isolation.Seccomp;

/// <summary>The calls that 32-bit x86 also offers through <c>socketcall</c> and <c>ipc</c>, which take the real call's number as first argument.</summary>
/// <remarks>
/// Without this, forbidding <c>socket</c> would forbid nothing: an old program calls <c>socketcall(1, …)</c>. The real arguments of
/// a socketcall lie in memory, where a filter cannot look, so there a rule with conditions counts as the stricter of its two outcomes.
/// </remarks>
internal static class MultiplexedCalls
{
    // linux/net.h and linux/ipc.h
    private static readonly FrozenDictionary<string, (string Call, uint First)> Calls = new Dictionary<string, (string, uint)>
    {
        ["socket"] = ("socketcall", 1),
        ["bind"] = ("socketcall", 2),
        ["connect"] = ("socketcall", 3),
        ["listen"] = ("socketcall", 4),
        ["accept"] = ("socketcall", 5),
        ["getsockname"] = ("socketcall", 6),
        ["getpeername"] = ("socketcall", 7),
        ["socketpair"] = ("socketcall", 8),
        ["send"] = ("socketcall", 9),
        ["recv"] = ("socketcall", 10),
        ["sendto"] = ("socketcall", 11),
        ["recvfrom"] = ("socketcall", 12),
        ["shutdown"] = ("socketcall", 13),
        ["setsockopt"] = ("socketcall", 14),
        ["getsockopt"] = ("socketcall", 15),
        ["sendmsg"] = ("socketcall", 16),
        ["recvmsg"] = ("socketcall", 17),
        ["accept4"] = ("socketcall", 18),
        ["recvmmsg"] = ("socketcall", 19),
        ["sendmmsg"] = ("socketcall", 20),
        ["semop"] = ("ipc", 1),
        ["semget"] = ("ipc", 2),
        ["semctl"] = ("ipc", 3),
        ["semtimedop"] = ("ipc", 4),
        ["msgsnd"] = ("ipc", 11),
        ["msgrcv"] = ("ipc", 12),
        ["msgget"] = ("ipc", 13),
        ["msgctl"] = ("ipc", 14),
        ["shmat"] = ("ipc", 21),
        ["shmdt"] = ("ipc", 22),
        ["shmget"] = ("ipc", 23),
        ["shmctl"] = ("ipc", 24),
    }.ToFrozenDictionary();

    /// <summary>The rule for the other way to make a call; null when there is none, or when it would make the profile more lenient.</summary>
    public static (string Call, SeccompCondition Condition)? Find(SeccompArchitecture architecture, string name, SeccompRule rule, SeccompAction byDefault)
    {
        if (architecture != SeccompArchitecture.X86 || !Calls.TryGetValue(name, out var other))
        {
            return null;
        }

        return rule.Conditions.Count == 0 || rule.Action.Leniency < byDefault.Leniency
            ? (other.Call, new SeccompCondition(0, SeccompComparison.Equal, other.First))
            : null;
    }
}
