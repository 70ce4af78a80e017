namespace ContainerKit.Isolation.Seccomp;

/// <summary>Which system calls a container may make, as docker's and OCI's JSON documents say it.</summary>
/// <remarks>OCI runtime specification, config-linux.md, "Seccomp"; docker's form adds <c>archMap</c>, <c>includes</c> and <c>excludes</c>.</remarks>
public sealed class SeccompProfile
{
    /// <summary>Docker's default policy.</summary>
    public static SeccompProfile Default => throw new NotImplementedException();

    /// <summary>Reads a profile.</summary>
    /// <param name="json">The document.</param>
    /// <exception cref="IsolationException">It is not such a document.</exception>
    public static SeccompProfile Parse(string json) => throw new NotImplementedException();
}
