using System.Net;

namespace ContainerKit;

/// <summary>What went wrong, as a sentence: what was tried, on what, and why it failed. The base of every failure that is ContainerKit's own.</summary>
/// <remarks>Misuse of the API (a null, a negative limit) is an <see cref="ArgumentException"/> and friends, never this.</remarks>
public class ContainerKitException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">A sentence with a subject.</param>
    /// <param name="innerException">The cause, or null.</param>
    public ContainerKitException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }

    /// <summary>What the reader can do about it, as a sentence, or null when nothing better than the message is known.</summary>
    public string? Hint { get; init; }
}

/// <summary>An image, its name or its archive is missing, damaged, or refused.</summary>
/// <param name="message">A sentence with a subject.</param>
/// <param name="innerException">The cause, or null.</param>
public sealed class ImageException(string message, Exception? innerException = null) : ContainerKitException(message, innerException);

/// <summary>A registry cannot be reached, refused, or answered what makes no sense. What it gave and was refused here is an <see cref="ImageException"/>.</summary>
/// <param name="message">A sentence with a subject.</param>
/// <param name="innerException">The cause, or null.</param>
public sealed class RegistryException(string message, Exception? innerException = null) : ContainerKitException(message, innerException)
{
    /// <summary>Whether the same may well succeed later: the registry was busy or broken, or the connection was. It has been tried several times already.</summary>
    public bool IsTransient { get; init; }

    /// <summary>The HTTP status that the registry answered, or null when it did not come to that.</summary>
    public HttpStatusCode? StatusCode { get; init; }

    /// <summary>How long the registry asks to wait.</summary>
    internal TimeSpan? RetryAfter { get; init; }
}

/// <summary>The store or one of its snapshots cannot do what was asked.</summary>
/// <param name="message">A sentence with a subject.</param>
/// <param name="innerException">The cause, or null.</param>
public sealed class StorageException(string message, Exception? innerException = null) : ContainerKitException(message, innerException)
{
    /// <summary>Whether what a snapshot was to be built on had just been removed: whoever makes it again may go on.</summary>
    internal bool IsBaseGone { get; init; }
}

/// <summary>A container could not be isolated or started.</summary>
/// <param name="message">A sentence with a subject.</param>
/// <param name="innerException">The cause, or null.</param>
public sealed class IsolationException(string message, Exception? innerException = null) : ContainerKitException(message, innerException)
{
    /// <summary>The step that failed, in words, such as <c>mount proc on /proc</c>; null when no single step is to blame.</summary>
    public string? Step { get; init; }

    /// <summary>
    /// The exit code that a shell, and docker, give to this failure: 127 when the program was not found, 126 when it cannot be
    /// executed, 125 for everything else.
    /// </summary>
    public int ExitCode { get; init; } = 125;
}

/// <summary>This host lacks something that was asked for, or that nothing can be done without.</summary>
/// <param name="capability">The capability's name, as <c>HostReport</c> lists it.</param>
/// <param name="message">A sentence with a subject.</param>
/// <param name="innerException">The cause, or null.</param>
public sealed class HostCapabilityException(string capability, string message, Exception? innerException = null)
    : ContainerKitException(message, innerException)
{
    /// <summary>The capability's name, as <c>HostReport</c> lists it.</summary>
    public string Capability { get; } = capability;
}
