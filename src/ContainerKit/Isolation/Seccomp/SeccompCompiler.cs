namespace ContainerKit.Isolation.Seccomp;

/// <summary>Turns a profile into the BPF program that the kernel runs before each system call. seccomp(2)</summary>
internal static class SeccompCompiler
{
    /// <summary>Compiles.</summary>
    /// <param name="profile">The profile.</param>
    /// <param name="architecture">The machine; the profile says which others may be called beside it.</param>
    /// <param name="capabilities">What the container has, for rules that depend on it.</param>
    /// <param name="kernel">The running kernel's version, for rules that depend on it.</param>
    /// <returns><c>struct sock_filter</c> after <c>struct sock_filter</c>, at most 4,096; empty when the profile forbids nothing.</returns>
    /// <exception cref="IsolationException">The profile names what this architecture cannot express, or is too long.</exception>
    public static byte[] Compile(SeccompProfile profile, SeccompArchitecture architecture, CapabilitySet capabilities, Version kernel) =>
        throw new NotImplementedException();
}
