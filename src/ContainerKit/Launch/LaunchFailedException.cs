using ContainerKit.Linux;

namespace ContainerKit.Launch;

/// <summary>A launch program did not get to its end. Whoever launched translates it to what his callers know.</summary>
internal sealed class LaunchFailedException : Exception
{
    public LaunchFailedException(LaunchStep step, int errno)
        : base($"{step.Words}: {LinuxException.Describe(errno)}")
    {
        Step = step;
        Errno = errno;
    }

    public LaunchFailedException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }

    /// <summary>The step that failed; null when no step is to blame.</summary>
    public LaunchStep? Step { get; }

    public int Errno { get; }
}
